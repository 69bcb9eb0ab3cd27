"""A quench of [784,10,10,1000,0.01] on MNIST, 7960 weights: GMIN (MLPVB3) to RMS 1e-9, and ours."""

from collections.abc import Iterator

import numpy as np
from benchmarks.rivals import wales
from benchmarks.rivals.measure import (
    Context,
    Row,
    Target,
    Unavailable,
    cpu_seconds,
    interleaved,
    run_processes,
)
from benchmarks.rivals.problem import mnist

from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import quenched
from lossatlas.search.tools import default_tools

WORK = "quench, MNIST [784,10,10,1000,0.01], 7960 weights"
RIVAL = "GMIN MLPVB3 (pylfl 0.3.5)"
TARGET = Target(ratio=10)


def rows(context: Context) -> Iterator[Row]:
    """One row; in each turn every core makes one quench, and both sides use the same starts."""
    try:
        landscape = mnist(context.mnist)
        program = wales.folder_of_programs(context.environments) / "GMIN"
    except Unavailable as reason:
        yield Row(WORK, RIVAL, target=TARGET, skipped=str(reason))
        return
    tools, engine = default_tools(landscape), Engine(landscape.surface)
    random = np.random.default_rng(0)
    shape = (context.cores, landscape.n_weights)
    quench_all(engine, tools, random.uniform(-1.0, 1.0, shape))  # compiles the kernels
    losses: dict[str, list[float]] = {"GMIN": [], "ours": []}
    starts = random.uniform(-1.0, 1.0, shape)

    def theirs() -> float:
        folders = [context.folder("gmin") for _ in starts]
        for folder, start in zip(folders, starts, strict=True):
            wales.prepare_gmin(folder, landscape, start, steps=0)
        used = list(run_processes([[program]] * len(folders), folders, context.cores))
        ends = [
            wales.quenches(wales.check_ran(folder, usage.returncode, "GMIN"))[0]
            for folder, usage in zip(folders, used, strict=True)
        ]
        losses["GMIN"] += [end.energy for end in ends]
        return sum(usage.cpu for usage in used) / len(used)

    def ours() -> float:
        nonlocal starts
        found, seconds = quench_all(engine, tools, starts)
        losses["ours"] += [c.point.energy for c in found if c.point is not None]
        starts = random.uniform(-1.0, 1.0, shape)
        return seconds / max(1, sum(c.point is not None for c in found))

    rival, own = interleaved([theirs, ours], 1 if context.quick else 3)
    notes = "; ".join(
        f"{name}: losses {', '.join(f'{loss:.6f}' for loss in values)}"
        for name, values in losses.items()
    )
    yield Row(WORK, RIVAL, "CPU s", rival, own, TARGET, f"uniform starts in (-1, 1); {notes}")


def quench_all(engine: Engine, tools, starts: np.ndarray):
    """The certificates of the minima from some starts, and the CPU seconds of all."""

    def search(w: np.ndarray):
        certificate, _ = yield from quenched(tools, w)
        return certificate

    found, seconds = cpu_seconds(lambda: dict(engine.run(search(w) for w in starts)))
    return [found[k] for k in range(len(starts))], seconds
