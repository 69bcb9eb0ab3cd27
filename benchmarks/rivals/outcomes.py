"""200,000 LJAT3 outcomes, by lossatlas and by the same L-BFGS in compiled scalar code."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from benchmarks.rivals.compiled import CompiledLJAT3
from benchmarks.rivals.measure import Context, Row, Target, Unavailable, interleaved

from lossatlas.data.ljat3 import LJAT3_SIDES

COUNT = 200_000
STEP_CAP = 0.4
WORK = f"{COUNT:,} LJAT3 outcomes to an RMS gradient of 1e-10"
RIVAL = "the same L-BFGS in scalar C"
TARGET = Target(limit=10.0)

OURS = """
import json, time
begun = time.monotonic()
import numpy as np
from lossatlas.data.ljat3_quench import quench
from lossatlas.errors import Status
starts = np.random.default_rng(0).uniform(0.0, {side}, ({count}, 3, 3))
found = quench(starts, {cap})
first = time.monotonic()
cpu = time.process_time()
quench(starts, {cap})
cpu = time.process_time() - cpu
missed = int((found.status != Status.CONVERGED).sum())
print(json.dumps([first - begun, cpu, missed]))
"""
"""The program of a new process, so that compilation counts; the second call needs none."""


def rows(context: Context) -> Iterator[Row]:
    """Wall seconds with compilation, for which there is a target, and without."""
    side = LJAT3_SIDES["D1"]
    program = OURS.format(side=side, count=COUNT, cap=STEP_CAP)
    steady: dict[str, list[float]] = {"rival": [], "ours": []}

    def ours() -> float:
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        if ran.returncode:
            raise RuntimeError(ran.stderr[-500:])
        first, again, missed = json.loads(ran.stdout.splitlines()[-1])
        steady["ours"].append(again)
        unconverged["ours"] = missed
        return first

    repeats = 3 if context.quick else 7
    unconverged: dict[str, int] = {}
    try:
        compiled = CompiledLJAT3(context.work)
    except Unavailable as reason:
        (own,) = interleaved([ours], repeats)
        yield Row(WORK, RIVAL, "wall s", (), own, TARGET, "compilation included", str(reason))
        return
    starts = np.random.default_rng(0).uniform(0.0, side, (COUNT, 3, 3))

    def theirs() -> float:
        begun, cpu = time.monotonic(), time.process_time()
        with ThreadPoolExecutor(context.cores) as pool:
            parts = np.array_split(starts, context.cores)
            ended = list(pool.map(lambda part: compiled.minimize(part, STEP_CAP), parts))
        unconverged["rival"] = sum(missed for _, _, missed in ended)
        steady["rival"].append(time.process_time() - cpu)
        return time.monotonic() - begun

    rival, own = interleaved([theirs, ours], repeats)
    notes = f"{compiled.compiler}, nine coordinates, a thread a core; unconverged: {unconverged}"
    included = "ours: from the start of Python, with the compilation of the kernel"
    yield Row(WORK, RIVAL, "wall s", rival, own, TARGET, f"{notes}; {included}")
    values = [tuple(steady[side]) for side in ("rival", "ours")]
    yield Row("the same without start and compilation", RIVAL, "CPU s", *values)
