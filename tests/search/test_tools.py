"""What a search is given: the method that suits the landscape, and lengths scaled to it."""

from concurrent.futures import ThreadPoolExecutor

import jax.numpy as jnp
import numpy as np
import pytest
from reference_networks import small_data

from lossatlas.distribution.preparing import prepare
from lossatlas.distribution.runner import Limits, here
from lossatlas.errors import BadInputError
from lossatlas.kernels.method import method_for
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.lanes import executables
from lossatlas.lanes.blocks import Block, layout_of, sizes
from lossatlas.lanes.capacity import Capacity
from lossatlas.lanes.compilation import Forecast
from lossatlas.lanes.engine import Engine
from lossatlas.search import double_ended, single_ended
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.known import KnownPoints
from lossatlas.search.tools import a_job_each, default_tools
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

LANDSCAPES = {
    "function": FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel"),
    "network": NetworkLandscape(*small_data(), (2, 2), 1e-3),
}


def bowl(n, **options):
    return FunctionLandscape(lambda w: jnp.vdot(w, w), -np.ones(n), np.ones(n), **options)


@pytest.mark.parametrize("n", [3, 401, 1001])
@pytest.mark.parametrize("name", [None, "dense", "factorized", "matrix-free"])
def test_kernels_are_those_of_the_method(n, name):
    landscape = bowl(n)
    tools, method = default_tools(landscape, name), method_for(landscape, name)
    for field in ("quench", "polish", "climb", "flow", "band"):
        assert getattr(tools, field) == getattr(method, field)
    for field in ("flow_tolerance", "largest_spread", "newton_ball"):
        assert getattr(tools, field) == getattr(method, field)


def test_an_unknown_method_is_refused():
    with pytest.raises(BadInputError, match="method"):
        default_tools(bowl(3), "exact")


def test_lengths_are_multiples_of_the_length_scale():
    one, ten = (default_tools(bowl(2, length_scale=scale)) for scale in (1.0, 10.0))
    for name in ("pushoff", "displacement", "newton_ball"):
        assert getattr(ten, name) == 10 * getattr(one, name)


def searches_of_all_kinds(tools, engine):
    """Chains of basin-hopping, then single-ended climbs and a band from the minima found."""
    options = BasinHoppingOptions(steps=2)
    chains = [basin_hopping(tools, np.random.default_rng(k), options) for k in range(12)]
    minima = [m for _, outcome in engine.run(chains) for m in outcome.minima]
    energies = sorted({round(m.energy, 8): m for m in minima}.items())
    (_, low), *_, (_, high) = energies
    climbs = [single_ended(tools, m.weights, 0, 1) for _, m in energies[:3]]
    list(engine.run([*climbs, double_ended(tools, low.weights, high.weights)]))


@pytest.mark.parametrize("method", ["dense", "factorized", "matrix-free"])
@pytest.mark.parametrize("name", LANDSCAPES)
def test_a_job_of_each_kernel_is_like_those_of_searches(name, method, monkeypatch):
    landscape, asked, start = LANDSCAPES[name], {}, Block.start

    def noting(self, new, lanes):
        for job in new:
            asked.setdefault(self.kernel, set()).add(
                str(layout_of(self.kernel, self.surface, job.arrays))
            )
        return start(self, new, lanes)

    monkeypatch.setattr(Block, "start", noting)
    tools = default_tools(landscape, method)
    searches_of_all_kinds(tools, Engine(landscape.surface))
    expected = {
        kernel: {str(layout_of(kernel, landscape.surface, job))}
        for kernel, job in a_job_each(tools)
    }
    assert asked == expected


def test_searches_use_what_was_compiled_ahead_and_compile_nothing_else(monkeypatch):
    monkeypatch.setattr(Capacity, "compiles_ahead", True)
    landscape = LANDSCAPES["function"]
    tools, engine = default_tools(landscape), Engine(landscape.surface, 128, vectorized=True)
    monkeypatch.setattr(executables, "_known", {})
    engine.compile_ahead(a_job_each(tools))
    ahead = dict(executables._known)
    assert len(ahead) == 5 * len(sizes(64)) * len(engine.capacity.devices)
    searches_of_all_kinds(tools, engine)
    assert executables._known == ahead
    assert not any(code.exception() for code in ahead.values())


def test_explorations_compile_ahead_here_and_in_workers(monkeypatch):
    begun = []
    monkeypatch.setattr(Capacity, "compiles_ahead", True)
    monkeypatch.setattr(Engine, "compile_ahead", lambda self, jobs: begun.append(len(jobs)))
    tools = default_tools(LANDSCAPES["function"])
    with here(Engine(tools.landscape.surface), tools, KnownPoints(), Limits()):
        assert begun == [5]
    with ThreadPoolExecutor(1) as executor:
        prepare(executor, tools, None, 1)
    assert begun == [5, 5]


def test_on_a_processor_nothing_is_compiled_ahead(monkeypatch):
    monkeypatch.setattr(executables, "_known", {})
    landscape = LANDSCAPES["function"]
    for engine in (Engine(landscape.surface), Engine(landscape.surface, 32, vectorized=True)):
        engine.compile_ahead(a_job_each(default_tools(landscape)))
    assert executables._known == {}


def test_code_that_was_there_is_not_noted_as_if_it_had_been_waited_for(monkeypatch):
    """A kernel may be asked for long after its code was compiled ahead."""
    noted = []
    monkeypatch.setattr(Capacity, "compiles_ahead", True)
    monkeypatch.setattr(Forecast, "note", lambda self, *entry: noted.append(entry))
    landscape = LANDSCAPES["function"]
    tools, engine = default_tools(landscape), Engine(landscape.surface, 32, vectorized=True)
    engine.compile_ahead(a_job_each(tools))
    for code in list(executables._known.values()):
        code.exception()
    searches_of_all_kinds(tools, engine)
    assert noted == []
