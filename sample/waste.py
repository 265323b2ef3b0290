"""The six classes of waste, each with a few kinds of objects."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sample import fibrous, rubbish, vessels
from sample.scene import Frame, Part

Kind = Callable[[Frame, np.random.Generator], list[Part]]

KINDS: dict[str, tuple[Kind, ...]] = {
    "cardboard": (
        fibrous.cardboard_box,
        fibrous.cardboard_open_box,
        fibrous.cardboard_sheet,
    ),
    "glass": (vessels.glass_bottle, vessels.glass_jar, vessels.glass_shards),
    "metal": (
        vessels.metal_can,
        vessels.metal_lid,
        vessels.metal_foil,
    ),
    "paper": (fibrous.paper_sheet, fibrous.paper_ball, fibrous.paper_envelope),
    "plastic": (vessels.plastic_bottle, vessels.plastic_bag, vessels.plastic_canister),
    "trash": (rubbish.trash_wrapper, rubbish.trash_bits, rubbish.trash_takeaway, rubbish.trash_foam_tray),
}
