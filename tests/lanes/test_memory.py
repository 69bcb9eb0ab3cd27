"""Memory that machines, containers and batch systems grant."""

import os
from pathlib import Path

import pytest

from lossatlas.lanes import memory
from lossatlas.lanes.memory import available_memory

TWO = "30 23 0:26 / {mount} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
ONE = "31 23 0:29 / {mount} rw,relatime - cgroup cgroup rw,memory\n"
GIB = 2**30


def granted(folder: Path, groups: str, mounts: str, limits: dict[str, str]) -> int | None:
    """What a process in these groups may use, where files hold these limits."""
    process, mount = folder / "self", folder / "mount"
    process.mkdir()
    (process / "cgroup").write_text(groups)
    (process / "mountinfo").write_text(mounts.format(mount=mount))
    for name, text in limits.items():
        (mount / name).parent.mkdir(parents=True, exist_ok=True)
        (mount / name).write_text(text)
    return available_memory(process)


@pytest.mark.parametrize(
    ("groups", "mounts", "limits", "expected"),
    [
        ("0::/a/b\n", TWO, {"a/b/memory.max": "max\n", "a/memory.max": f"{4 * GIB}\n"}, 4),
        ("0::/a/b\n", TWO, {"a/b/memory.max": f"{GIB}\n", "a/memory.max": f"{4 * GIB}\n"}, 1),
        ("0::/a\n", TWO, {"a/memory.max": f"{64 * GIB}\n"}, 16),  # more than there is
        ("0::/a\n", TWO, {"a/memory.max": "max\n"}, 16),
        ("0::/a\n", TWO, {"a/memory.max": ""}, 16),
        ("0::/a\n", TWO, {"b/memory.max": f"{GIB}\n"}, 16),  # of another group
        ("5:memory:/job\n", ONE, {"job/memory.limit_in_bytes": f"{2 * GIB}\n"}, 2),
        ("5:memory:/job\n", ONE, {"job/memory.limit_in_bytes": "9223372036854771712\n"}, 16),
        ("5:cpu:/job\n", ONE, {"job/memory.limit_in_bytes": f"{2 * GIB}\n"}, 16),
    ],
)
def test_the_smallest_limit_holds(tmp_path, monkeypatch, groups, mounts, limits, expected):
    monkeypatch.setattr(memory, "_of_the_machine", lambda: 16 * GIB)
    assert granted(tmp_path, groups, mounts, limits) == expected * GIB


def test_what_the_system_says_holds(tmp_path, monkeypatch):
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)
    assert available_memory(tmp_path) == 4_096_000


def test_where_the_system_does_not_say_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert available_memory(tmp_path) is None
