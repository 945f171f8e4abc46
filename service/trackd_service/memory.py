"""Owns what is asked of the C library about memory; where it is not glibc, nothing is asked."""

from __future__ import annotations

import ctypes
import gc

# Left alone, glibc raises this to 32 MiB with use, and keeps 20 to 40 MB of what ingest and sealing have freed.
_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES = -3, 128 << 10
# By default each thread takes from a pool of its own; the daemon has some fifteen, most of which allocate little.
_M_ARENA_MAX, _ARENAS = -8, 2


def spare() -> None:
    """Has every large block go back to the system when it is freed, and threads share what small ones come from."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
        set_option(_M_ARENA_MAX, _ARENAS)


def settle() -> None:
    """Gives back what loading modules has left over; later collections of garbage pass over what is there now."""
    gc.collect()
    gc.freeze()
    trim()


def trim() -> None:
    """Gives back what is free of the small blocks too; takes a millisecond."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)
