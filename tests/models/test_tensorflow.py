import json
import subprocess
import sys

SCRIPT = """
import json, sys
import matplotlib
from transfer.framework import OPTIONAL, keras
imported = [name for name in OPTIONAL if name in sys.modules]
import cv2, pandas, scipy.ndimage, sklearn.base
print(json.dumps([imported, matplotlib is sys.modules["matplotlib"], keras.__version__.split(".")[0]]))
"""


def test_keras_imports_none_of_the_packages_it_can_do_without_and_others_still_can():
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == [["matplotlib"], True, "3"]
    assert told.stderr == ""
