"""Energy and gradient of [2,10,4,1000,1e-4]: a compiled AVX kernel, NumPy, GMIN."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from benchmarks.rivals import wales
from benchmarks.rivals.compiled import CompiledNetwork
from benchmarks.rivals.measure import (
    Context,
    Row,
    Target,
    Unavailable,
    cpu_seconds,
    interleaved,
    run_processes,
)
from benchmarks.rivals.probe import Probe, cpu_per_evaluation, starts_for
from benchmarks.rivals.problem import d1
from threadpoolctl import threadpool_limits

from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine

WORK = "energy and gradient"
CALLS = 2000
"""Number of evaluations of each side and core in one turn."""
AVX = Target(ratio=1 / 1.2)


def rows(context: Context) -> Iterator[Row]:
    """The three comparisons; lossatlas is measured again for each."""
    landscape = d1()
    engine = Engine(landscape.surface)
    starts = starts_for(engine, landscape.n_weights)
    kernel = Probe("gradient", CALLS // engine.lanes, 100)
    cpu_per_evaluation(engine, kernel, starts)  # compiles the kernel

    def ours() -> float:
        return 1e3 * cpu_per_evaluation(engine, kernel, starts)

    repeats = 5 if context.quick else 15
    batch = f"ours: {engine.workers} workers, lanes of each: {engine.lanes}, through the engine"
    for rival, make, target in (
        ("compiled AVX kernel", avx_kernel, AVX),
        ("NumPy", numpy_side, None),
        ("GMIN (pylfl 0.3.5)", gmin, None),
    ):
        try:
            side, notes = make(context, landscape)
            theirs, own = interleaved([side, ours], repeats if make is not gmin else 2)
            yield Row(WORK, rival, "CPU ms", theirs, own, target, f"{notes}; {batch}")
        except Unavailable as reason:
            yield Row(WORK, rival, "CPU ms", target=target, skipped=str(reason))


def avx_kernel(context: Context, landscape: NetworkLandscape):
    """The side of `network.c`, in one thread on each core."""
    hidden = landscape.architecture.widths[1]
    program = CompiledNetwork(landscape.inputs, landscape.labels, hidden, context.work)
    w = np.random.default_rng(0).uniform(-1.0, 1.0, landscape.n_weights)

    def one(_: int) -> None:
        program.descend(w, landscape.l2, CALLS, 1e-3)

    return partial(_in_threads, one, context.cores), program.compiler


def numpy_side(context: Context, landscape: NetworkLandscape):
    """The side of the same formulas in NumPy, (features, items), in one thread on each core."""
    inputs = np.ascontiguousarray(landscape.inputs.T)
    targets = np.ascontiguousarray(np.eye(4)[landscape.labels].T)
    start = np.random.default_rng(0).uniform(-1.0, 1.0, landscape.n_weights)

    def one(_: int) -> None:
        w = start
        for _ in range(CALLS // 10):
            w = w - 1e-3 * numpy_gradient(inputs, targets, landscape.l2, w)[1]

    def side() -> float:
        with threadpool_limits(1):
            return 10 * _in_threads(one, context.cores)

    return side, f"NumPy {np.__version__}, OpenBLAS"


def numpy_gradient(
    inputs: np.ndarray, targets: np.ndarray, l2: float, w: np.ndarray
) -> tuple[float, np.ndarray]:
    """Energy and gradient of a network with one hidden layer."""
    (features, items), classes = inputs.shape, len(targets)
    hidden = (len(w) - classes) // (features + classes + 1)
    ends = np.cumsum([hidden * features, classes * hidden, hidden])
    inner, outer, bias, shift = np.split(w, ends)
    inner, outer = inner.reshape(hidden, features), outer.reshape(classes, hidden)
    h = np.tanh(inner @ inputs + bias[:, None])
    y = outer @ h + shift[:, None]
    y -= y.max(axis=0)
    p = np.exp(y)
    total = p.sum(axis=0)
    energy = (np.log(total).sum() - np.vdot(targets, y)) / items
    d = (p / total - targets) / items
    e = (outer.T @ d) * (1.0 - h * h)
    parts = [(e @ inputs.T).ravel(), (d @ h.T).ravel(), e.sum(axis=1), d.sum(axis=1)]
    return energy + l2 * (w @ w), np.concatenate(parts) + 2.0 * l2 * w


def gmin(context: Context, landscape: NetworkLandscape):
    """The side of GMIN: CPU time of quenches over the number of potential calls.

    L-BFGS has a memory of 4, so that little other time is included.
    """
    program = wales.folder_of_programs(context.environments) / "GMIN"

    def side() -> float:
        folders = [context.folder("gmin") for _ in range(context.cores)]
        for k, folder in enumerate(folders):
            start = np.random.default_rng(k).uniform(-1.0, 1.0, landscape.n_weights)
            options = {"steps": 1, "memory": 4, "most": 1000 if context.quick else 5000}
            wales.prepare_gmin(folder, landscape, start, **options)
        used = list(run_processes([[program]] * context.cores, folders, context.cores))
        outputs = [
            wales.check_ran(folder, usage.returncode, "GMIN")
            for folder, usage in zip(folders, used, strict=True)
        ]
        calls = sum(map(wales.potential_calls, outputs))
        return 1e3 * sum(usage.cpu for usage in used) / calls

    return side, "quenches with memory 4"


def _in_threads(one, cores: int) -> float:
    """CPU milliseconds of one of the `CALLS` calls that `one` makes, in one thread on each core."""
    with ThreadPoolExecutor(cores) as pool:
        _, seconds = cpu_seconds(lambda: list(pool.map(one, range(cores))))
    return 1e3 * seconds / (cores * CALLS)
