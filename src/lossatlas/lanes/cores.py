"""The number of cores that this process may use.

A container or a batch system grants a process fewer cores than the machine has, in one of three
ways: it binds the process to some of the cores, it limits its CPU time by a control group of Linux,
or it only sets an environment variable.
"""

import math
import os
from collections.abc import Mapping
from pathlib import Path

from lossatlas.lanes.control_groups import limits

VARIABLES = ("SLURM_CPUS_PER_TASK", "NSLOTS", "NCPUS")
"""Environment variables with the number of cores, as Slurm, Grid Engine and PBS set them."""
QUOTA_FILES = {"cgroup2": ("cpu.max",), "cgroup": ("cpu.cfs_quota_us", "cpu.cfs_period_us")}
"""Files with the microseconds of CPU time in each period and the length of a period, by the version
of control groups."""


def available_cores() -> int:
    """Return the number of cores that this process may use, at least 1.

    It is the smallest of three numbers: the cores that the process is bound to (from Python 3.13 on
    the variable ``PYTHON_CPU_COUNT`` replaces it), the quota of its control groups, rounded up, and
    the values of the variables ``SLURM_CPUS_PER_TASK``, ``NSLOTS`` and ``NCPUS``.

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
    """Return the numbers of cores that batch systems have granted by environment variables.

    Args:
        environment: the environment variables and their values.

    Examples:
        >>> granted({"SLURM_CPUS_PER_TASK": "4", "NSLOTS": "undefined"})
        [4]
    """
    values = (environment.get(name, "") for name in VARIABLES)
    return [int(value) for value in values if value.isdecimal() and int(value) > 0]


def cpu_quota(process: Path = Path("/proc/self")) -> float | None:
    """Return the CPU time that the control groups of a process allow, in cores.

    Groups are nested, and each can have a limit, of which the smallest holds.

    Args:
        process: folder with the files ``cgroup`` and ``mountinfo`` of the process; default
            ``/proc/self``, this process.

    Returns:
        Seconds of CPU time in each second, for example 2.5; None without a limit.
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
