"""Cores that containers and batch systems grant."""

import os
from pathlib import Path

import pytest

from lossatlas.lanes import cores
from lossatlas.lanes.cores import available_cores, cpu_quota, granted

TWO = """30 23 0:26 / {mount} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
31 23 0:27 / /tmp rw - tmpfs tmpfs rw
"""
ONE = """31 23 0:28 / {mount} rw - tmpfs tmpfs rw,mode=755
32 31 0:29 {root} {mount} rw,relatime - cgroup cgroup rw,cpu,cpuacct
33 31 0:31 / {mount}/set rw,relatime - cgroup cgroup rw,cpuset
"""


def quota(folder: Path, groups: str, mounts: str, limits: dict[str, str], root: str = "/"):
    """The quota of a process in these groups, where files hold these limits."""
    process, mount = folder / "self", folder / "mount"
    process.mkdir(parents=True)
    (process / "cgroup").write_text(groups)
    (process / "mountinfo").write_text(mounts.format(mount=mount, root=root))
    for name, text in limits.items():
        (mount / name).parent.mkdir(parents=True, exist_ok=True)
        (mount / name).write_text(text)
    return cpu_quota(process)


@pytest.mark.parametrize(
    ("group", "limits", "expected"),
    [
        ("/", {"cpu.max": "50000 100000\n"}, 0.5),
        ("/", {"cpu.max": "max 100000\n"}, None),
        ("/", {}, None),
        ("/a/b", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 1.5),
        ("/a/b", {"a/b/cpu.max": "300000 100000\n", "a/cpu.max": "20000 10000\n"}, 2.0),
        ("/a/b", {"a/b/cpu.max": "10000 100000\n", "a/cpu.max": "20000 10000\n"}, 0.1),
        ("/a", {"b/cpu.max": "10000 100000\n"}, None),  # of another group
    ],
)
def test_version_two(tmp_path, group, limits, expected):
    assert quota(tmp_path, f"0::{group}\n", TWO, limits) == expected


@pytest.mark.parametrize(
    ("group", "root", "limits", "expected"),
    [
        ("/", "/", ("", "50000", "100000"), 0.5),
        ("/", "/", ("", "-1", "100000"), None),
        ("/job/step", "/", ("job", "400000", "100000"), 4.0),
        # A container sees the group's path outside, and its own group as the root.
        ("/docker/f00", "/docker/f00", ("", "250000", "100000"), 2.5),
        ("/docker/f00", "/other", ("", "250000", "100000"), 2.5),
    ],
)
def test_version_one(tmp_path, group, root, limits, expected):
    place, limit, period = limits
    files = {f"{place}/cpu.cfs_quota_us": limit, f"{place}/cpu.cfs_period_us": period}
    groups = f"9:name=systemd:/\n4:cpuset:/\n2:cpu,cpuacct:{group}\n0::/\n"
    found = quota(tmp_path, groups, ONE, {k.lstrip("/"): v for k, v in files.items()}, root)
    assert found == expected


def test_without_control_groups(tmp_path):
    assert cpu_quota(tmp_path) is None


@pytest.mark.parametrize(
    ("quota", "environment", "expected"),
    [
        (None, {}, 8),
        (0.5, {}, 1),
        (1.5, {}, 2),
        (100.0, {}, 8),
        (None, {"SLURM_CPUS_PER_TASK": "3"}, 3),
        (None, {"SLURM_CPUS_PER_TASK": "3", "NCPUS": "2"}, 2),
        (1.0, {"NSLOTS": "4"}, 1),
        (None, {"SLURM_CPUS_PER_TASK": "0", "NSLOTS": "undefined", "NCPUS": "-3"}, 8),
        (None, {"SLURM_CPUS_PER_TASK": "64"}, 8),
    ],
)
def test_the_smallest_limit_holds(monkeypatch, quota, environment, expected):
    for name in cores.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cores, "cpu_quota", lambda: quota)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8, raising=False)
    assert available_cores() == expected


def test_what_python_says_holds(monkeypatch):
    """From 3.13 on, where PYTHON_CPU_COUNT changes it; before, the cores it is bound to."""
    monkeypatch.setattr(cores, "cpu_quota", lambda: None)
    monkeypatch.setattr(cores, "granted", lambda environment: [])
    monkeypatch.setattr(os, "process_cpu_count", lambda: 5, raising=False)
    assert available_cores() == 5
    monkeypatch.setattr(os, "process_cpu_count", lambda: None, raising=False)
    assert available_cores() == 1
    monkeypatch.delattr(os, "process_cpu_count")
    if hasattr(os, "sched_getaffinity"):
        assert available_cores() == len(os.sched_getaffinity(0))


def test_the_environment_is_read_as_numbers():
    assert granted({}) == []
    assert granted({"NCPUS": "12", "OMP_NUM_THREADS": "1"}) == [12]
