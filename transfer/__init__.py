"""Image classification by transfer learning: the ideas that the pipeline's stages are made of.

Each module is one idea. None of them knows the stages or DVC, except `binding`, whose idea is the `.dvc` file.
"""

import os

# All are read once, when TensorFlow or Keras is first imported. The first two keep start-up notes out of the log (what
# goes wrong still raises), the second by saying the default aloud. A Keras set up for another backend cannot run this.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ["KERAS_BACKEND"] = "tensorflow"
