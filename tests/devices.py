"""Programs that run on several devices: the processor divided by TensorFlow, which has to be done before it starts."""

import runpy
import sys

from transfer.models.tensorflow import tf


def divide_processor(devices):
    """Make this process have so many logical processors."""
    [processor] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * devices)


if __name__ == "__main__":
    # A stage on so many devices: `python devices.py DEVICES STAGE`.
    divide_processor(int(sys.argv[1]))
    runpy.run_module(sys.argv[2], run_name="__main__", alter_sys=True)
