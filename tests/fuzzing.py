"""Random damage to files, for tests that the reader of a file returns a valid result or raises one clear sentence."""

import struct

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# `make fuzz` runs more examples.
fuzzed = settings(
    max_examples=max(300, settings.default.max_examples),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
# What a length, an offset or an integer may become, and then a float: the smallest, infinity, and a signalling NaN.
NUMBERS = [bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\x80", b"\1\0", b"\0\1", b"\0\0\xff\xff"]
NUMBERS += [struct.pack(f"{order}I", bits) for order in "<>" for bits in (1, 0x7F800000, 0xFF800000, 0x7F800001)]


@st.composite
def damaged_files(draw, valid, others, pieces):
    """The bytes of a valid file after a few changes: parts removed, replaced, inserted, or taken from another file."""
    content = bytearray(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(0, 4))):
        # Half of the changes are in the header, which is short and comes first.
        position = draw(st.integers(0, min(64, len(content))) | st.integers(0, len(content)))
        match draw(st.integers(0, 7)):
            case 0:
                del content[position:]
            case 1:
                content[position : position + 1] = draw(st.binary(min_size=1, max_size=1))
            case 2:
                del content[position : position + draw(st.integers(1, 16))]
            case 3:
                content[position:position] = draw(st.sampled_from(pieces) | st.binary(max_size=8))
            case 4:
                piece = draw(st.sampled_from(pieces))
                content[position : position + len(piece)] = piece
            case 5:
                other = draw(st.sampled_from(others))
                content[position:] = other[draw(st.integers(0, len(other))) :]
            case 6:
                content[position:position] = content[draw(st.integers(0, len(content))) :][:64]
            case 7:
                # As a disk or a copy that was interrupted leaves it: the length is right, the end is not there.
                end = position + draw(st.integers(1, 512))
                content[position:end] = bytes(len(content[position:end]))
    return bytes(content)
