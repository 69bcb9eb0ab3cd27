"""How many cores this process may use: the machine's, less what others have been promised.

A container or a batch system grants a process fewer cores than the machine has, in one of three
ways: it binds it to some of them, it limits the CPU time by a control group of Linux, or it only
says so in an environment variable.
"""

import math
import os
from collections.abc import Mapping
from pathlib import Path

from lossatlas.lanes.control_groups import limits

VARIABLES = ("SLURM_CPUS_PER_TASK", "NSLOTS", "NCPUS")
"""Cores of this process as batch systems name them: Slurm, Grid Engine, PBS."""
QUOTA_FILES = {"cgroup2": ("cpu.max",), "cgroup": ("cpu.cfs_quota_us", "cpu.cfs_period_us")}
"""Microseconds of CPU time in each period, by the version of control groups."""


def available_cores() -> int:
    """Cores this process may use, at least 1.

    The smallest of: the cores it is bound to (from Python 3.13 on, what ``PYTHON_CPU_COUNT``
    says), the quota of its control groups, rounded up, and the variables ``SLURM_CPUS_PER_TASK``,
    ``NSLOTS`` and ``NCPUS``.

    Examples:
        >>> available_cores() >= 1
        True
    """
    cores = [_bound_to(), *granted(os.environ)]
    quota = cpu_quota()
    if quota is not None:
        cores.append(math.ceil(quota))
    return max(1, min(cores))


def granted(environment: Mapping[str, str]) -> list[int]:
    """What batch systems say in the environment.

    Examples:
        >>> granted({"SLURM_CPUS_PER_TASK": "4", "NSLOTS": "undefined"})
        [4]
    """
    values = (environment.get(name, "") for name in VARIABLES)
    return [int(value) for value in values if value.isdecimal() and int(value) > 0]


def cpu_quota(process: Path = Path("/proc/self")) -> float | None:
    """Cores' worth of CPU time that the control groups of a process allow; None without limit.

    Groups are nested, and each can have a limit: the smallest holds.

    Args:
        process: folder with the files ``cgroup`` and ``mountinfo``, as Linux has it.
    """
    allowed = (words[:2] for words in limits("cpu", QUOTA_FILES, process))
    quotas = [
        float(quota) / float(period)
        for quota, period in allowed
        if quota not in ("max", "-1") and float(period) > 0
    ]
    return min(quotas, default=None)


def _bound_to() -> int:
    count = getattr(os, "process_cpu_count", None)  # from Python 3.13 on
    if count is not None:
        return count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
