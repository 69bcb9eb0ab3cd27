"""Comparisons and the measurement of CPU time.

Every side of a comparison is a function that does some work and returns the cost of one unit of it,
usually in CPU seconds. The sides take turns, so that a busy machine affects all in the same way.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from lossatlas.lanes.cores import available_cores


@dataclass(frozen=True)
class Target:
    """The target: a ratio rival / ours of at least `ratio`, and at most `limit` for ours."""

    ratio: float | None = None
    limit: float | None = None

    def holds(self, rival: Sequence[float], ours: Sequence[float]) -> bool:
        """Whether the medians meet the target."""
        fast = self.limit is None or median(ours) <= self.limit
        return fast and (self.ratio is None or median(rival) / median(ours) >= self.ratio)

    def text(self, unit: str) -> str:
        """The target as text for the table."""
        parts = [] if self.ratio is None else [f"ratio >= {self.ratio:.3g}"]
        return ", ".join(parts + ([] if self.limit is None else [f"<= {self.limit:g} {unit}"]))


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        work: the work that was measured.
        rival: program and version of the rival; empty if the target is an absolute one.
        unit: unit of the values, e.g. ``"CPU s"``.
        rival_values, ours: one value for each repeat; empty if that side did not run.
        target: the target; None for a row without one.
        notes: settings, counts, and what is included.
        skipped: the reason why nothing was measured; empty otherwise.
    """

    work: str
    rival: str = ""
    unit: str = "CPU s"
    rival_values: tuple[float, ...] = ()
    ours: tuple[float, ...] = ()
    target: Target | None = None
    notes: str = ""
    skipped: str = ""

    @property
    def ratio(self) -> float | None:
        """The ratio of the medians, rival / ours."""
        if not self.rival_values or not self.ours:
            return None
        return median(self.rival_values) / median(self.ours)

    @property
    def holds(self) -> bool | None:
        """Whether the target is met; None without a target or without values to judge by."""
        needed = self.ours and (self.rival_values or (self.target and self.target.ratio is None))
        if self.target is None or not needed:
            return None
        return self.target.holds(self.rival_values, self.ours)

    def to_json(self) -> dict[str, Any]:
        """The row as plain data."""
        return {key: value for key, value in asdict(self).items() if value not in ("", ())}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Row":
        """Make a row from plain data, the inverse of `to_json`."""
        target = None if data.get("target") is None else Target(**data["target"])
        values = {key: tuple(data.get(key, ())) for key in ("rival_values", "ours")}
        return Row(**{**data, **values, "target": target})


class Unavailable(Exception):
    """A comparison cannot be made here; the message says why and what to do."""


@dataclass(frozen=True)
class Context:
    """The settings of all comparisons.

    Attributes:
        quick: whether there are fewer repeats and smaller sizes.
        environments: folder of the virtual environments of the rivals.
        work: an empty folder for the runs.
        results: folder of the results, for pictures.
        mnist: folder of the MNIST files, or None.
        cores: number of processes or threads that a side may use.
    """

    quick: bool
    environments: Path
    work: Path
    results: Path
    mnist: Path | None = None
    cores: int = field(default_factory=available_cores)

    def folder(self, name: str) -> Path:
        """A new folder for one run of a program."""
        number = sum(1 for _ in self.work.glob(f"{name}-*"))
        path = self.work / f"{name}-{number}"
        path.mkdir()
        return path


POLL_SECONDS = 0.02
"""Seconds between two readings of the memory of a running process."""


class Usage(NamedTuple):
    """What a process used, including the processes that it waited for."""

    cpu: float
    wall: float
    peak_bytes: int
    returncode: int


def interleaved(
    sides: Sequence[Callable[[], float]], repeats: int
) -> tuple[tuple[float, ...], ...]:
    """The values of each side, measured in turns (A B A B)."""
    turns = [[side() for side in sides] for _ in range(repeats)]
    return tuple(zip(*turns, strict=True))


def cpu_seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a function, and the CPU seconds of all threads of this process."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def finished(process: subprocess.Popen, started: float) -> Usage:
    """Wait for a process, on Linux.

    Its peak memory is read while it runs, because the value that the kernel reports at its end is
    at least that of the program that started it.
    """
    peak, ended = 0, os.WEXITED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, process.pid, ended) is None:
        peak = max(peak, _peak_bytes(process.pid))
        time.sleep(POLL_SECONDS)
    wall = time.monotonic() - started
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Usage(used.ru_utime + used.ru_stime, wall, peak, process.returncode)


def _peak_bytes(pid: int) -> int:
    """The peak memory of a running process so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return 1024 * sizes[0] if sizes else 0  # a process that is about to end has no such line


def run_process(command: Sequence[str | Path], folder: Path, **options: Any) -> Usage:
    """Run one program in a folder; its output goes to the files ``out`` and ``err`` there."""
    return next(run_processes([command], [folder], 1, **options))


def run_processes(
    commands: Sequence[Sequence[str | Path]], folders: Sequence[Path], cores: int, **options: Any
) -> Iterator[Usage]:
    """Run programs, as many at a time as there are cores, and yield what each used, in order.

    A batch of programs is started together, and the next batch when all of them have ended.
    """
    for first in range(0, len(commands), cores):
        batch = []
        for command, folder in list(zip(commands, folders, strict=True))[first : first + cores]:
            with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
                process = subprocess.Popen(
                    [str(part) for part in command],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    **options,
                )
            batch.append((process, time.monotonic()))
        with ThreadPoolExecutor(len(batch)) as watching:
            yield from watching.map(finished, *zip(*batch, strict=True))


def last_lines(folder: Path, count: int = 3) -> str:
    """The last lines that a program printed, for messages."""
    text = "\n".join((folder / name).read_text(errors="replace") for name in ("out", "err"))
    return " / ".join(line.strip() for line in text.splitlines()[-count:] if line.strip())
