"""The control groups of Linux, by which containers and batch systems limit a process."""

from collections.abc import Iterator, Mapping
from pathlib import Path

PROCESS = Path("/proc/self")


def limits(
    controller: str, files: Mapping[str, tuple[str, ...]], process: Path = PROCESS
) -> Iterator[list[str]]:
    """Yield the limits of all control groups that a process belongs to.

    Groups are nested, and each can have a limit. Nothing is yielded if there are no control groups,
    or none with such files.

    Args:
        controller: what is limited, ``"cpu"`` or ``"memory"``.
        files: names of the files that contain a limit, by the version of control groups:
            ``"cgroup"`` or ``"cgroup2"``.
        process: folder with the files ``cgroup`` and ``mountinfo`` of the process; default
            ``/proc/self``, this process.

    Yields:
        The words in these files, of one group at a time.

    Examples:
        >>> list(limits("memory", {"cgroup2": ("memory.max",)}, Path("nowhere")))
        []
    """
    for mount, group, kind in _groups(process, controller):
        for folder in (group, *group.parents):
            try:
                texts = [(mount / folder / name).read_text() for name in files[kind]]
            except OSError:  # a group without limits, or one that this process cannot see
                continue
            yield " ".join(texts).split()


def _groups(process: Path, controller: str) -> Iterator[tuple[Path, Path, str]]:
    """Yield where the groups of a controller are mounted, the group of the process, the version."""
    try:
        groups = (process / "cgroup").read_text().splitlines()
        mounts = (process / "mountinfo").read_text().splitlines()
    except OSError:  # other systems than Linux
        return
    of_kind = {}
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            of_kind["cgroup2"] = path
        elif controller in controllers.split(","):
            of_kind["cgroup"] = path
    for line in mounts:
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, options = after.split()[0], after.split()[-1]
        if kind in of_kind and (kind == "cgroup2" or controller in options.split(",")):
            inside = of_kind[kind]
            # In a container the path of the group may be that outside; its own path is the root.
            inner = Path(inside).relative_to(root) if Path(inside).is_relative_to(root) else Path()
            yield Path(point), inner, kind
