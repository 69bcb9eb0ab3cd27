"""Processes that need the same code take turns, so that it is compiled once.

Processes that share a graphics card begin with the same kernels at the same time, and each of them
would compile all of them for all numbers of lanes. Therefore the first one that compiles a piece of
code locks a file in JAX's folder of compiled code, and the others wait for it and then read what it
has compiled. The operating system releases the locks of a process that has died.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import jax

FILES = 4096
"""Largest number of files that are locked. Pieces of code that share a file take turns without
need, and in return the folder does not fill with files."""
PATIENCE = 120.0
"""Seconds for which another process is waited for. After that the code is compiled here too, since
the other process may have been suspended."""


@contextmanager
def in_turn(code: str, patience: float = PATIENCE) -> Iterator[None]:
    """Run a block when no other process is in such a block for the same code.

    If JAX keeps no compiled code in a folder, or the folder does not allow locks, the block runs at
    once. No other one must be begun inside of the block, since both may share a file.

    Args:
        code: a text that tells pieces of code apart.
        patience: seconds for which others are waited for; default `PATIENCE`.

    Examples:
        >>> with in_turn("quench of D1"):
        ...     print("compiled here, or read")
        compiled here, or read
    """
    folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if not folder or not Path(folder).is_dir():
        yield
        return
    from filelock import FileLock, Timeout

    path = Path(folder) / f"lossatlas-{zlib.crc32(code.encode()) % FILES}.lock"
    lock = FileLock(path, timeout=patience, fallback_to_soft=False)
    with suppress(Timeout, OSError, NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        with suppress(OSError):
            lock.release()
