"""Calibration: bins and their error, checked by hand and against a literal reading of the definition."""

import numpy as np
import pytest

from transfer.evaluation.reliability import calibration_table, expected_calibration_error


def test_bins_and_error_are_those_computed_by_hand():
    probability = np.array([0.55, 0.6, 0.95, 0.91, 1.0, 0.99])
    right = np.array([True, False, True, True, False, True])
    table = calibration_table(right, probability)
    # 0.6 is the upper end of its bin: there are two images in (0.5, 0.6], and four in (0.9, 1].
    assert table["images"].tolist() == [2, 4]
    assert table["low"].tolist() == pytest.approx([0.5, 0.9])
    assert table["high"].tolist() == pytest.approx([0.6, 1.0])
    assert table["probability"].tolist() == pytest.approx([0.575, 0.9625])
    assert table["accuracy"].tolist() == [0.5, 0.75]
    assert expected_calibration_error(table) == pytest.approx((2 * 0.075 + 4 * 0.2125) / 6)


def test_the_error_agrees_with_its_definition_on_random_cases():
    generator = np.random.default_rng(0)
    for _ in range(50):
        probability = generator.random(200)
        right = generator.random(200) < probability
        expected = 0.0
        for low in np.arange(10) / 10:
            inside = (probability > low) & (probability <= low + 0.1)
            if inside.any():
                expected += inside.mean() * abs(right[inside].mean() - probability[inside].mean())
        assert expected_calibration_error(calibration_table(right, probability)) == pytest.approx(expected)


def test_a_model_that_is_always_certain_and_right_has_no_error():
    table = calibration_table(np.ones(5, bool), np.ones(5))
    assert len(table) == 1 and expected_calibration_error(table) == 0
