"""Parameters as rows for people, in the report and on the model card."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def parameter_rows(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested parameters as dotted keys with their values."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += parameter_rows(value, f"{prefix}{key}.")
        else:
            if isinstance(value, float):
                # Without an exponent: a reader compares 0.0003 with 0.000003 at a glance.
                text = format(Decimal(repr(value)), "f")
            else:
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            rows.append((f"{prefix}{key}", text))
    return rows
