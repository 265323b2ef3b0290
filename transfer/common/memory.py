"""Memory of the C library. Only glibc has these settings; any other library is left as it is."""

import ctypes

# Constants of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def use_one_arena() -> None:
    """Make all threads allocate from the main arena, the only one that can grow to any size.

    Call it before the first thread starts: an arena that exists already stays in use.
    """
    _set_option(M_ARENA_MAX, 1)


def keep_freed_memory() -> None:
    """Keep freed memory in the process. The system would clear every page that it hands out again."""
    _set_option(M_MMAP_MAX, 0)
    _set_option(M_TRIM_THRESHOLD, -1)


def _set_option(option: int, value: int) -> None:
    # macOS has no such call.
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(option, value)
