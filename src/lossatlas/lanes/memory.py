"""How much memory there is: what this process may use, and what the device has."""

import os
from pathlib import Path

from lossatlas.landscape.device import device
from lossatlas.lanes.control_groups import PROCESS, limits

LIMIT_FILES = {"cgroup2": ("memory.max",), "cgroup": ("memory.limit_in_bytes",)}
"""Bytes that a control group may use, by the version of control groups."""


def available_memory(process: Path = PROCESS) -> int | None:
    """Bytes of memory that this process may use; None where the system does not say (Windows).

    The smaller of the machine's memory and the limits of the control groups of the process, which
    containers and batch systems set.

    Args:
        process: folder with the files ``cgroup`` and ``mountinfo``, as Linux has it.

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
    """Bytes of memory of the device that JAX computes on; None where it does not say.

    Of a graphics card what JAX may allocate, of a CPU what this process may use.

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
    except (AttributeError, ValueError, OSError):  # Windows; a system that does not know
        return None
