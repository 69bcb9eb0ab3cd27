"""Start-up: `lossatlas --help`, and the first result of an exploration.

Measured on a regular installation (not editable, byte-compiled) in an environment of its own. The
first result of `lossatlas explore` is the first stationary point committed to the atlas. The first
exploration has an empty cache of compiled code; the second is of other data of the same shapes.
"""

import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmarks.rivals.environments import own_environment, python_of
from benchmarks.rivals.measure import Context, Row, Target, last_lines
from benchmarks.rivals.problem import d1

HELP, SECOND = Target(limit=0.4), Target(limit=5.0)
LONGEST = 300.0
STUDY = """
[data]
source = "file"
path = "data.npz"
train = 1000
test = 500
seed = {seed}

[network]
hidden = [10]

[loss]
l2 = 1e-4
"""


def rows(context: Context) -> Iterator[Row]:
    """Rows for the start, the first and the second exploration, and their difference."""
    python = python_of(own_environment(context.environments))
    program = python.parent / "lossatlas"
    repeats = 5 if context.quick else 15
    helped = [_help(program, context) for _ in range(repeats + 1)][1:]
    yield Row("`lossatlas --help`", "", "wall s", (), tuple(helped), HELP)
    cold, warm = [], []
    for turn in range(2 if context.quick else 5):
        cache = context.folder("cache")
        cold.append(first_result(program, context, cache, seed=2 * turn))
        warm.append(first_result(program, context, cache, seed=2 * turn + 1))
    name = "first `explore`, to the first result"
    yield Row(name, "", "wall s", (), tuple(cold), None, "nothing compiled before")
    compiling = tuple(first - second for first, second in zip(cold, warm, strict=True))
    name = "compilation until the first result"
    yield Row(name, "", "wall s", (), compiling, None, "the difference of the two explorations")
    yield Row(
        "second `explore` of the same shapes, to the first result",
        "",
        "wall s",
        (),
        tuple(warm),
        SECOND,
        "other training items, compiled code from the cache of the first",
    )


def _help(program: Path, context: Context) -> float:
    begun = time.monotonic()
    subprocess.run([program, "--help"], cwd=context.work, env=_environment(), check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    return time.monotonic() - begun


def _environment(**more: str) -> dict[str, str]:
    """The environment variables without those that would prefer the working copy."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return {**kept, **more}


def first_result(program: Path, context: Context, cache: Path, seed: int) -> float:
    """Wall seconds from the start of the command to the first point in the atlas."""
    folder = context.folder("start")
    data = d1(items=1500)
    np.savez(folder / "data.npz", inputs=data.inputs, labels=data.labels)
    (folder / "study.toml").write_text(STUDY.format(seed=seed))
    environment = _environment(LOSSATLAS_CACHE=str(cache))
    command = [program, "explore", "study.toml", "--atlas", "first.atlas"]
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        begun = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)
    try:
        while not _points(folder / "first.atlas"):
            if process.poll() is not None or time.monotonic() - begun > LONGEST:
                raise RuntimeError(f"no result: {last_lines(folder)}")
            time.sleep(0.02)
        return time.monotonic() - begun
    finally:
        process.terminate()  # children of a background job ignore an interrupt
        process.wait()


def _points(atlas: Path) -> int:
    """The number of stationary points that are committed so far."""
    if not atlas.exists():
        return 0
    try:
        connection = sqlite3.connect(f"file:{atlas}?mode=ro", uri=True, timeout=1.0)
        try:
            tables = ("minimum", "transition_state")
            counts = [connection.execute(f"select count(*) from {t}").fetchone() for t in tables]
        finally:
            connection.close()
    except sqlite3.OperationalError:  # the atlas is just being created
        return 0
    return sum(count for (count,) in counts)
