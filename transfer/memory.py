"""How the C library of this process keeps memory: glibc's alone can be told, any other is left as it is."""

import ctypes

# Of glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def one_arena() -> None:
    """Have all threads take memory from the main arena, the only one that can grow to any size.

    To be called before the first thread starts: an arena that is there already stays in use.
    """
    _tell(M_ARENA_MAX, 1)


def keep_freed() -> None:
    """Keep what was freed, rather than giving it back to the system and having it cleared anew."""
    _tell(M_MMAP_MAX, 0)
    _tell(M_TRIM_THRESHOLD, -1)


def _tell(option: int, value: int) -> None:
    # macOS has no such call
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(option, value)
