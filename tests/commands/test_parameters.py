"""Parameters as rows for people."""

from commands.parameters import parameter_rows


def test_parameters_are_rows_without_exponents():
    values = {"a": {"rate": 3e-06, "b": None}, "c": "text", "d": [1, 2.5], "e": True, "f": 1.0}
    assert parameter_rows(values) == [
        ("a.rate", "0.000003"),
        ("a.b", "null"),
        ("c", "text"),
        ("d", "[1, 2.5]"),
        ("e", "true"),
        ("f", "1.0"),
    ]
