"""Calibration: bins and their error worked out by hand, and against a plain reading of the definition."""

import numpy as np
import pytest

from transfer.evaluation import calibration


def test_bins_and_error_are_those_worked_out_by_hand():
    probability = np.array([0.55, 0.6, 0.95, 0.91, 1.0, 0.99])
    right = np.array([True, False, True, True, False, True])
    found = calibration.calibration_table(right, probability)
    # 0.6 is the upper end of its bin; two in (0.5, 0.6], four in (0.9, 1]
    assert found["images"].tolist() == [2, 4]
    assert found["low"].tolist() == pytest.approx([0.5, 0.9])
    assert found["high"].tolist() == pytest.approx([0.6, 1.0])
    assert found["probability"].tolist() == pytest.approx([0.575, 0.9625])
    assert found["accuracy"].tolist() == [0.5, 0.75]
    assert calibration.expected_calibration_error(found) == pytest.approx((2 * 0.075 + 4 * 0.2125) / 6)


def test_the_error_agrees_with_its_definition_on_random_cases():
    chance = np.random.default_rng(0)
    for _ in range(50):
        probability = chance.random(200)
        right = chance.random(200) < probability
        expected = 0.0
        for low in np.arange(10) / 10:
            inside = (probability > low) & (probability <= low + 0.1)
            if inside.any():
                expected += inside.mean() * abs(right[inside].mean() - probability[inside].mean())
        assert calibration.expected_calibration_error(calibration.calibration_table(right, probability)) == pytest.approx(expected)


def test_a_model_that_is_always_sure_and_always_right_has_no_error():
    found = calibration.calibration_table(np.ones(5, bool), np.ones(5))
    assert len(found) == 1 and calibration.expected_calibration_error(found) == 0
