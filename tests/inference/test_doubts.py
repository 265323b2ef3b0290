"""The columns of `predict.py --coverage` and `--unknown`: what they say of an image, by hand."""

import argparse

import numpy as np
import pytest

from transfer.inference import doubts
from transfer.interface.errors import UserError
from transfer.uncertainty.calibration import Calibration

CLASSES = ["a|b", "c\\d", "plain"]
# At 0.9, one of the 19 images may have a lower probability than the threshold, which is 0.2.
PROBABILITIES = np.array([0.1, 0.2, *[0.5] * 17], np.float32)
COSINES = np.array([0.6, *[0.9] * 18], np.float32)
CALIBRATION = Calibration(19, 1.0, PROBABILITIES, COSINES, np.array([[1, 0]], np.float32))


def test_a_set_names_the_classes_above_the_threshold_with_marks_escaped():
    [(name, judge)] = doubts.columns(CALIBRATION, CLASSES, 0.9, False).items()
    assert name == "classes"
    feature = np.array([1, 0], np.float32)
    assert judge(np.array([0.5, 0.3, 0.2], np.float32), feature) == "a\\|b|c\\\\d|plain"
    assert judge(np.array([0.9, 0.05, 0.05], np.float32), feature) == "a\\|b"
    # The predicted class is always in the set.
    [judge] = doubts.columns(
        Calibration(19, 1.0, np.full(19, 0.9), COSINES, np.ones((1, 2))), CLASSES, 0.9, False
    ).values()
    assert judge(np.array([0.3, 0.3, 0.4]), feature) == "plain"


def test_an_image_is_unknown_if_it_is_less_near_than_one_of_twenty():
    [(name, judge)] = doubts.columns(CALIBRATION, CLASSES, None, True).items()
    assert name == "unknown"
    probabilities = np.array([1, 0, 0])
    assert judge(probabilities, np.array([3, 4], np.float32)) == "no"  # its cosine is 0.6, like that of the least near
    assert judge(probabilities, np.array([2.9, 4], np.float32)) == "yes"
    assert judge(probabilities, np.zeros(2, np.float32)) == "yes"


def test_columns_are_those_that_were_asked_for_and_need_a_calibration():
    assert list(doubts.columns(CALIBRATION, CLASSES, 0.9, True)) == ["classes", "unknown"]
    assert doubts.columns(None, CLASSES, None, False) == {}
    with pytest.raises(UserError, match="need models/calibration, which is missing: get it by `dvc pull models/cal"):
        doubts.columns(None, CLASSES, 0.9, False)


@pytest.mark.parametrize("text", ["0", "1", "-0.5", "90", "nan", "inf", "", "most"])
def test_a_coverage_is_a_share(text):
    with pytest.raises(argparse.ArgumentTypeError, match=r"is not a share between 0 and 1, such as 0\.9"):
        doubts.coverage(text)
    assert doubts.coverage("0.9") == 0.9
