"""Programs that are killed at random moments, servers that are restarted, disks that are full.

No point is lost that had been reported, no atlas is damaged, counts never fall, and what is there
verifies. Some kills here; two hundred with `pytest -m slow`.
"""

import os
import queue
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from quick_code import QUICK

from lossatlas.atlas import Atlas
from lossatlas.exploration import verify

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "distribution"))
sys.path.insert(0, str(HERE.parent / "atlas"))

from landscapes import rough_landscape  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
MANY = 100_000
"""Transition states that no exploration reaches before it is killed."""


class Counts(NamedTuple):
    """What an atlas holds."""

    minima: int = 0
    states: int = 0


class Exploring:
    """An exploration in a process of its own, and what it has reported."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        environment = {
            **os.environ,
            "XLA_FLAGS": QUICK,
            "PYTHONPATH": os.pathsep.join(
                [str(HERE.parent / "distribution"), os.environ.get("PYTHONPATH", "")]
            ),
            "JAX_COMPILATION_CACHE_DIR": str(folder),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        command = [sys.executable, str(HERE / "exploring.py"), *map(str, arguments)]
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.reported = Counts()
        self.workers: list[int] = []
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.endswith("\n"):
                break  # it was killed while it wrote
            words = line.split()
            if words[:1] == ["workers"]:
                self.workers = list(map(int, words[1:]))
            else:
                self.reported = Counts(int(words[0]), int(words[1]))
            self.lines.put(line)
        self.process.stdout.close()
        self.lines.put(None)

    def wait_for_a_commit(self, seconds: float = 240.0) -> None:
        """Until it has reported once more."""
        while (line := self.lines.get(timeout=seconds)) is not None:
            if not line.startswith("workers"):
                return
        assert self.process.stderr is not None
        raise AssertionError(self.process.stderr.read())

    def kill(self) -> Counts:
        """Kill it, and what it has started; what it had reported before."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.end()
        return self.reported

    def end(self) -> tuple[int, str]:
        """Its exit code and its messages, once it has ended by itself."""
        assert self.process.stderr is not None
        messages = self.process.stderr.read()
        code = self.process.wait(timeout=600)
        self.reader.join()
        self.process.stderr.close()
        return code, messages


@pytest.fixture(scope="module")
def compiled(pytestconfig) -> Path:
    return Path(pytestconfig.cache.mkdir("compiled-by-workers"))


def counts(target: object) -> Counts:
    """What a whole atlas holds."""
    with Atlas.open(str(target)) as atlas:
        assert atlas.check() == ()
        status = atlas.status()
    return Counts(status["minima"], status["transition_states"])


def verifies(target: object, sample: int = 40) -> None:
    with Atlas.open(str(target)) as atlas:
        assert verify(rough_landscape(), atlas, sample=sample).failures == ()


def kills(path: Path, compiled: Path, times: int, *more: object) -> Iterator[Counts]:
    """Explore and kill, so many times, each at another moment; the counts after each."""
    rng = random.Random(times)
    for _ in range(times):
        running = Exploring(compiled, path, MANY, *more)
        running.wait_for_a_commit()
        time.sleep(rng.random() * 1.5)
        reported = running.kill()
        after = counts(path)
        assert after.minima >= reported.minima
        assert after.states >= reported.states
        yield after


def never_fall(found: list[Counts]) -> bool:
    return all(a.minima <= b.minima and a.states <= b.states for a, b in pairwise(found))


@pytest.mark.parametrize("times", [1, pytest.param(130, marks=pytest.mark.slow)])
def test_explorers(tmp_path, compiled, times):
    found = list(kills(tmp_path / "a.atlas", compiled, times))
    assert never_fall(found)
    assert found[-1].minima > 0
    verifies(tmp_path / "a.atlas")


@pytest.mark.parametrize("times", [pytest.param(30, marks=pytest.mark.slow)])
def test_coordinators_and_all_their_workers(tmp_path, compiled, times):
    pytest.importorskip("distributed", reason="no Dask: pip install 'lossatlas[cluster]'")
    found = list(kills(tmp_path / "a.atlas", compiled, times, "local:2"))
    assert never_fall(found)
    verifies(tmp_path / "a.atlas")


@pytest.mark.parametrize("times", [pytest.param(50, marks=pytest.mark.slow)])
def test_workers(tmp_path, compiled, times):
    """Coordinators live through it; where one has found all there is, the next one begins."""
    pytest.importorskip("distributed", reason="no Dask: pip install 'lossatlas[cluster]'")
    rng, killed, begun = random.Random(1), 0, 0
    while killed < times:
        path, begun = tmp_path / f"{begun}.atlas", begun + 1
        running = Exploring(compiled, path, MANY, "local:2")
        running.wait_for_a_commit()
        before, last = running.reported, time.monotonic()
        while killed < times and running.process.poll() is None:
            victims = children_of(running.process.pid)
            if victims:
                os.kill(rng.choice(victims), signal.SIGKILL)
                killed, last = killed + 1, time.monotonic()
            assert time.monotonic() - last < 120, "no worker was found to be killed"
            time.sleep(1.0 + 4.0 * rng.random())
            assert running.reported >= before
            before = running.reported
        if running.process.poll() is None:
            reported = running.kill()
        else:
            code, messages = running.end()
            assert code == 0, messages
            reported = running.reported
        assert counts(path) >= reported
        verifies(path)


WORKER = re.compile(rb"spawn_main|dask worker")
"""In the command of a worker: as it was spawned, or as it calls itself if it can."""


def children_of(parent: int) -> list[int]:
    """Worker processes: those that a nanny has spawned."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                group = os.getpgid(int(entry.name))
            except OSError:
                continue
            if group == parent and WORKER.search(command):
                found.append(int(entry.name))
    return found


@pytest.mark.postgresql
@pytest.mark.slow
def test_a_server_that_is_restarted_while_an_atlas_is_explored(compiled):
    from postgresql_server import restartable, why_none

    missing = why_none()
    if missing is not None:
        pytest.skip(missing)
    with restartable() as server:
        running = Exploring(compiled, server.url, 400)
        for mode in ("immediate", "fast", "immediate", "immediate"):
            running.wait_for_a_commit()
            before = running.reported
            server.restart(mode, 1.0)
            assert counts(server.url) >= before
        code, messages = running.end()
        assert code == 0, messages
        assert "tried again" in messages
        assert counts(server.url).states >= 400
        verifies(server.url)


def test_a_full_disk(tmp_path, compiled):
    """No file may be larger than so many bytes; what was committed before is whole."""
    path = tmp_path / "a.atlas"
    running = Exploring(compiled, path, MANY, "--largest-file", 300_000)
    code, messages = running.end()
    assert code == 1
    assert "AtlasError" in messages
    assert "committed before is safe" in messages
    assert "Traceback" not in messages
    before = counts(path)
    assert before >= running.reported > Counts()
    more = Exploring(compiled, path, before.states + 5)
    assert more.end()[0] == 0
    assert counts(path).states >= before.states + 5
