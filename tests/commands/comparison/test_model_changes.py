"""Rows of the comparison with a revision."""

from commands.comparison import model_changes
from transfer.evaluation.significance import MacroF1Comparison, PairedComparison


def test_a_small_p_value_is_not_rounded_to_zero():
    assert model_changes.accuracy_row("all", PairedComparison(80, 2, 18, 18)) == [
        *("all", "118", "69.5%", "83.1%", "+13.6\N{NO-BREAK SPACE}points", "2", "18", "< 0.001", "yes")
    ]
    assert model_changes.macro_f1_row(MacroF1Comparison(0.7, 0.65, 0.25)) == [
        *("macro F1", "", "0.700", "0.650", "-0.050", "", "", "0.250", "no")
    ]
