"""The exact Hessian in units of gradients, for one to three hidden layers."""

from collections.abc import Iterator
from functools import partial

from benchmarks.rivals.measure import Context, Row, Target, interleaved
from benchmarks.rivals.probe import Probe, cpu_per_evaluation, starts_for
from benchmarks.rivals.problem import d1

from lossatlas.lanes.engine import Engine

LAYERS = ((10,), (5, 5), (4, 4, 4))
TARGET = Target(limit=12.0)
EVALUATIONS = {"gradient": 500, "hessian": 50, "generic hessian": 4}


def rows(context: Context) -> Iterator[Row]:
    """One row for each network; the rival is `jax.hessian` of the same energy."""
    for hidden in LAYERS:
        landscape = d1(hidden)
        engine = Engine(landscape.surface)
        starts = starts_for(engine, landscape.n_weights)
        kernels = [Probe(what, count, count) for what, count in EVALUATIONS.items()]
        for kernel in kernels:  # compiles the kernels
            cpu_per_evaluation(engine, kernel, starts)
        sides = [partial(cpu_per_evaluation, engine, kernel, starts) for kernel in kernels]
        gradient, ours, generic = interleaved(sides, 5 if context.quick else 15)
        unit = sorted(gradient)[len(gradient) // 2]
        network = f"[2,{','.join(map(str, hidden))},4]"
        yield Row(
            f"exact Hessian, {network}, {landscape.n_weights} weights",
            "generic autodiff (jax.hessian)",
            "gradients",
            tuple(value / unit for value in generic),
            tuple(value / unit for value in ours),
            TARGET,
            f"a gradient is {1e3 * unit:.3f} CPU ms here",
        )
