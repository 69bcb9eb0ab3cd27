"""The memory that this process may use, and that of the device."""

import os
from pathlib import Path

from lossatlas.landscape.device import device
from lossatlas.lanes.control_groups import PROCESS, limits

LIMIT_FILES = {"cgroup2": ("memory.max",), "cgroup": ("memory.limit_in_bytes",)}
"""Files with the bytes that a control group may use, by the version of control groups."""


def available_memory(process: Path = PROCESS) -> int | None:
    """Return the bytes of memory that this process may use; None if the system does not tell.

    They are the smallest of the memory of the machine and the limits of the control groups of the
    process, which containers and batch systems set. Windows does not tell.

    Args:
        process: folder with the files ``cgroup`` and ``mountinfo`` of the process; default
            ``/proc/self``, this process.

    Examples:
        >>> memory = available_memory()
        >>> memory is None or memory > 0
        True
    """
    groups = [words[0] for words in limits("memory", LIMIT_FILES, process) if words]
    allowed = [int(limit) for limit in groups if limit.isdecimal()]
    machine = _of_the_machine()
    return min(allowed if machine is None else [*allowed, machine], default=None)


def device_memory() -> int | None:
    """Return the bytes of memory of the device that JAX computes on; None if it does not tell.

    On a graphics card they are the memory that JAX may allocate, on a CPU the memory that this
    process may use.

    Examples:
        >>> memory = device_memory()
        >>> memory is None or memory > 0
        True
    """
    used = device()
    if used.platform == "cpu":
        return available_memory()
    return (used.memory_stats() or {}).get("bytes_limit")


def _of_the_machine() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows, or a system that does not tell
        return None
