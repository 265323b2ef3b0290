"""The import of TensorFlow and Keras: silent, and without packages that this project does not need them for."""

import json

from runs import ROOT, run_python

SCRIPT = """
import json, sys
import matplotlib
from transfer.models.tensorflow import OPTIONAL, keras
imported = [name for name in OPTIONAL if name in sys.modules]
import cv2, pandas, scipy.ndimage, sklearn.base
print(json.dumps([imported, matplotlib is sys.modules["matplotlib"], keras.__version__.split(".")[0]]))
"""


def test_keras_imports_no_optional_package_and_the_program_still_can():
    process = run_python(ROOT, "-c", SCRIPT)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == [["matplotlib"], True, "3"]
    assert process.stderr == ""
