"""CPU time of the hot paths: energy and gradient, Hessian, spectrum, quench step, whole searches.

    python -m benchmarks.kernels [--items 1000] [--hidden 10] [--lanes 1024]

Measures one core with the network [2,10,4,1000,0.0001] of the paper by default, on LJAT3 D1 data.
Figures are medians over rounds in which all parts take turns, so that ratios are right even on a
busy machine.

With `--lanes` the same operations are measured in so many vectorized lanes at once, on the device
that JAX prefers, and only these: microseconds of a lane, if products of small matrices are sums (as
they are on a graphics card) or matrix products, and if XLA tries several ways of multiplying
matrices or not.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks.device_calls import noted
from threadpoolctl import threadpool_limits

from lossatlas.compiled import compiled
from lossatlas.data import load_ljat3, split_pools
from lossatlas.errors import Status
from lossatlas.kernels.dense.spectrum import rough_spectrum
from lossatlas.landscape import NetworkLandscape, products
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.executables import UNTRIED
from lossatlas.lanes.runtime import configure
from lossatlas.search.basin_hopping import RMS, BasinHoppingOptions, basin_hopping
from lossatlas.search.tools import default_tools
from lossatlas.search.transition_states import single_ended

REPEAT = 20
ROUNDS = 9


def repeated(step: Callable, w: jax.Array) -> Callable[[], None]:
    """`step` applied REPEAT times in one compiled loop, as kernels do."""
    compiled = jax.jit(lambda x: jax.lax.fori_loop(0, REPEAT, lambda _, y: step(y), x))
    jax.block_until_ready(compiled(w))
    return lambda: jax.block_until_ready(compiled(w))


def kernels(landscape: NetworkLandscape) -> dict[str, float]:
    """The median CPU microseconds of one evaluation of each kind, by its name."""
    surface, tools = landscape.surface, default_tools(landscape)
    w = jnp.asarray(landscape.random_start(np.random.default_rng(0)) / 5)
    hessian = jax.jit(surface.hessian)(w)
    quench = tools.quench.init(surface, w, jnp.asarray(RMS))
    units = jnp.ones((sum(landscape.architecture.widths[1:-1]), len(landscape.inputs)))
    outputs = jnp.ones((landscape.architecture.widths[-1], len(landscape.inputs)))
    parts = {
        "energy + gradient": repeated(lambda x: x - 1e-3 * surface.value_and_gradient(x)[1], w),
        "of that tanh": repeated(jnp.tanh, units),
        "of that exp": repeated(lambda y: jnp.exp(-y), outputs),
        "Hessian": repeated(lambda x: x - 1e-6 * surface.hessian(x)[0], w),
        "spectrum": repeated(lambda h: h + 1e-9 * jnp.linalg.eigh(h)[1], hessian),
        "both, to steer by": repeated(lambda x: x - 1e-6 * rough_spectrum(surface, x)[1][:, 0], w),
        "quench step": repeated(lambda s: tools.quench.step(surface, s), quench),
    }
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, call in parts.items():
            start = time.process_time()
            call()
            times[name].append((time.process_time() - start) / REPEAT * 1e6)
    return {name: float(np.median(values)) for name, values in times.items()}


def vectorized(landscape: NetworkLandscape, lanes: int) -> list[str]:
    """Rows of a table of operations in many lanes: microseconds of a lane, in each variant."""
    surface = landscape.surface
    rough = surface.rough()
    random = np.random.default_rng(0)
    w = jnp.asarray([landscape.random_start(random) / 5 for _ in range(lanes)])
    hessians = jax.jit(jax.vmap(surface.inner_hessian))(w)
    operations = {
        "energy + gradient": (lambda x: x - 1e-3 * surface.value_and_gradient(x)[1], w),
        "Hessian": (lambda x: x - 1e-9 * surface.inner_hessian(x).sum(), w),
        "Hessian, rough": (lambda x: x - 1e-9 * rough.inner_hessian(x).sum().astype(x.dtype), w),
        "spectrum": (lambda h: h + 1e-9 * jnp.linalg.eigh(h)[1], hessians),
        "spectrum, rough": (
            lambda h: h + 1e-9 * jnp.linalg.eigh(h)[1],
            hessians.astype(jnp.float32),
        ),
    }
    platform = SimpleNamespace(platform="gpu")
    codes = {}
    for sums in (True, False):
        few = products.FEW if sums else 0
        with (
            patch.object(products, "device", lambda: platform),
            patch.object(products, "FEW", few),
        ):
            for name, (operation, x) in operations.items():
                codes[name, sums] = in_lanes(operation).lower(x)
    trials = {", tried": None, ", not tried": UNTRIED}
    if jax.default_backend() != "gpu":
        trials = {"": None}
    head = ["us of a lane", *(form + trial for form in ("sums", "products") for trial in trials)]
    rows = [f"| {' | '.join(head)} |\n|{' --- |' * len(head)}"]
    for name, (_, x) in operations.items():
        compilations = (
            codes[name, sums].compile(o) for sums in (True, False) for o in trials.values()
        )
        each = [f"{best_of(code, x) / REPEAT / lanes * 1e6:.3f}" for code in compilations]
        rows.append(f"| {' | '.join([name, *each])} |")
    return rows


def in_lanes(operation: Callable) -> Any:
    """The operation, repeated in each of many lanes."""
    together = jax.vmap(operation)
    return compiled(lambda x: jax.lax.fori_loop(0, REPEAT, lambda _, y: together(y), x))


def best_of(code: Callable, x: jax.Array) -> float:
    """The least seconds of some calls."""
    jax.block_until_ready(code(x))
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        jax.block_until_ready(code(x))
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def searches(landscape: NetworkLandscape) -> dict[str, str]:
    """CPU time and evaluations for a certified minimum and a transition state, as text."""
    tools, engine = default_tools(landscape), Engine(landscape.surface, workers=1)

    def chains(first: int, count: int):
        options = BasinHoppingOptions()
        return [
            basin_hopping(tools, np.random.default_rng(first + k), options) for k in range(count)
        ]

    list(engine.run(chains(0, 1)))
    start = time.process_time()
    attempts = [a for _, a in engine.run(chains(1, 16))]
    seconds = time.process_time() - start
    minima = [m for a in attempts for m in a.minima]
    gradients = sum(a.cost.gradients for a in attempts)
    hessians = sum(a.cost.hessians for a in attempts)
    report = {
        "certified minimum": f"{seconds / len(minima):.3f} s CPU, "
        f"{gradients / len(minima):.0f} gradients, {hessians / len(minima):.1f} Hessians"
    }

    def climbs(some):
        return [single_ended(tools, m.weights, mode, 1) for m in some for mode in range(2)]

    list(engine.run(climbs(minima[:1])))
    start = time.process_time()
    with noted() as calls:
        attempts = [a for _, a in engine.run(climbs(minima[1:13]))]
    seconds = time.process_time() - start
    found = sum(a.status is Status.CONVERGED for a in attempts)
    hessians = sum(a.cost.hessians for a in attempts)
    report["minimum-saddle-minimum triple"] = (
        f"{seconds / found:.3f} s CPU, {hessians / found:.0f} Hessians; "
        f"{found} of {len(attempts)} searches"
    )
    parts = Counter()
    for call in calls:
        parts[call.kernel] += call.seconds
    report["of that"] = ", ".join(f"{k} {x / parts.total():.0%}" for k, x in parts.items())
    return report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--hidden", type=int, nargs="+", default=[10])
    parser.add_argument("--lanes", type=int, help="measure operations in so many lanes at once")
    options = parser.parse_args()
    if options.lanes is not None and options.lanes < 1:
        parser.error(f"--lanes: {options.lanes} is not at least 1")
    configure()
    pools = load_ljat3("D1", items=max(4000, 4 * options.items), seed=1).pools
    train = split_pools(pools, options.items, 1, 1).train
    landscape = NetworkLandscape(train.inputs, train.labels, options.hidden, 1e-4)
    print(
        f"{list(landscape.architecture.widths)}, {options.items} items, "
        f"{landscape.n_weights} weights"
    )
    if options.lanes is not None:
        print(*vectorized(landscape, options.lanes), sep="\n")
        return
    with threadpool_limits(1):
        times = kernels(landscape)
    for name, microseconds in times.items():
        ratio = microseconds / times["energy + gradient"]
        print(f"{name:30} {microseconds:9.1f} us CPU   {ratio:6.1f} gradients")
    for name, text in searches(landscape).items():
        print(f"{name:30} {text}")


if __name__ == "__main__":
    main()
