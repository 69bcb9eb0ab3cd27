"""Vectorized lanes, as on a graphics card, on a CPU: the same steps, and nothing lost."""

import subprocess
import sys
import threading
import warnings
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lane_runs import in_order, results_of, single
from reference_networks import small_data
from test_engine import KERNELS, Countdown, count, jobs_of

from lossatlas.errors import BadInputError, DataWarning, Status
from lossatlas.kernels.matrix_free.climb import HybridClimb
from lossatlas.kernels.matrix_free.flow import ChebyshevFlow
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.lanes import blocks
from lossatlas.lanes.blocks import Block
from lossatlas.lanes.branches import in_lanes
from lossatlas.lanes.capacity import Capacity
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")
NETWORK = NetworkLandscape(*small_data(), (2,), 1e-2)
BY_PRODUCTS = {"climb by products": HybridClimb(), "flow by products": ChebyshevFlow()}
ALL = {**KERNELS, **BY_PRODUCTS}


def jobs_for(kernel, landscape):
    return jobs_of(KERNELS["flow"] if isinstance(kernel, ChebyshevFlow) else kernel, landscape)


@pytest.mark.parametrize(
    ("name", "landscape"),
    [
        *[pytest.param(name, CAMEL, id=name) for name in KERNELS],
        *[pytest.param(name, CAMEL, id=name, marks=pytest.mark.slow) for name in BY_PRODUCTS],
        *[
            pytest.param(name, NETWORK, id=f"{name}, network", marks=pytest.mark.slow)
            for name in ("climb", "flow")
        ],
    ],
)
def test_a_step_of_vectorized_lanes_is_that_of_one(name, landscape, monkeypatch):
    # Products of matrices in single precision are rounded otherwise where there are many of them.
    never = lambda surface, largest: jnp.asarray(False)  # noqa: E731
    monkeypatch.setattr(type(NETWORK.surface), "rough_will_do", never)
    kernel, surface = ALL[name], landscape.surface
    jobs = jobs_for(kernel, landscape)
    step = jax.jit(kernel.step)
    states = [jax.jit(kernel.init)(surface, *job) for job in jobs]
    for lane in range(len(states)):  # lanes are not all as far
        for _ in range(3 * lane):
            if states[lane].status == Status.RUNNING:
                states[lane] = step(surface, states[lane])
    together = jax.tree.map(lambda *x: jnp.stack(x), *states)
    running = together.status == Status.RUNNING
    vectorized = jax.jit(partial(in_lanes, partial(kernel.step, surface)))(running, together)
    for lane, state in enumerate(states):
        expected = step(surface, state)
        if not running[lane]:
            continue
        for found, alone in zip(
            jax.tree.leaves(vectorized), jax.tree.leaves(expected), strict=True
        ):
            scale = max(1.0, np.nan_to_num(np.abs(alone)).max(initial=0.0))
            np.testing.assert_allclose(found[lane] / scale, alone / scale, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["polish", "flow"])
def test_vectorized_searches_end_where_others_do(name):
    kernel, random = ALL[name], np.random.default_rng(3)
    lead = jobs_for(kernel, CAMEL)[0]
    jobs = [(CAMEL.random_start(random), *lead[1:]) for _ in range(200)]
    alone = results_of(CAMEL.surface, kernel, jobs)
    together = results_of(CAMEL.surface, kernel, jobs, lanes=64, vectorized=True)
    same = [
        a.status == b.status and np.linalg.norm(a.w - b.w) < 1e-3
        for a, b in zip(alone, together, strict=True)
    ]
    assert np.mean(same) >= 0.99


def test_blocks_shrink_as_they_run_empty(monkeypatch):
    used, start = {}, Block.start

    def noting(self, new, lanes):
        used.setdefault(id(self), []).append((lanes, self.active + len(new)))
        return start(self, new, lanes)

    monkeypatch.setattr(Block, "start", noting)
    lengths = [*range(1, 65), *[90] * 5, 200]
    engine = Engine(CAMEL.surface, lanes=128, vectorized=True)
    found = in_order(engine, [single(count(length)) for length in lengths])
    assert [int(result.taken) for result in found] == lengths
    calls = [call for of_block in used.values() for call in of_block]
    assert all(lanes == (16 if searches <= 16 else 64) for lanes, searches in calls)
    assert {lanes for lanes, _ in calls} == {64, 16}


def test_while_one_block_is_advanced_another_is_begun(monkeypatch):
    order, start, finish = [], Block.start, Block.finish

    def starting(self, new, lanes):
        order.append(("start", id(self)))
        return start(self, new, lanes)

    def finishing(self):
        order.append(("finish", id(self)))
        return finish(self)

    monkeypatch.setattr(Block, "start", starting)
    monkeypatch.setattr(Block, "finish", finishing)
    engine = Engine(CAMEL.surface, lanes=8, workers=1, vectorized=True)
    in_order(engine, [single(count(30)) for _ in range(8)])
    kinds = [what for what, _ in order]
    assert kinds[:6] == ["start", "start", "finish", "start", "finish", "start"]
    assert order[0][1] != order[1][1]
    assert order[0][1] == order[2][1] == order[3][1]
    # Results do not depend on it.
    found = in_order(engine, [single(count(length)) for length in range(1, 40)])
    assert [int(result.taken) for result in found] == list(range(1, 40))


def with_memory_for(monkeypatch, most, where="advance"):
    """Let `blocks.advance`, `idle` or `moved` fail for more lanes than these."""
    function = getattr(blocks, where)
    lanes = {
        "advance": lambda *x: len(x[3]),
        "idle": lambda *x: x[0],
        "moved": lambda *x: len(x[1]),
    }

    def limited(*arguments):
        if lanes[where](*arguments) > most:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")
        return function(*arguments)

    monkeypatch.setattr(blocks, where, limited)


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("where", ["advance", "idle", "moved"])
def test_lanes_that_do_not_fit_into_the_memory_are_halved_and_nothing_is_lost(
    monkeypatch, vectorized, where
):
    with_memory_for(monkeypatch, 20, where)
    engine = Engine(CAMEL.surface, lanes=160, workers=2, vectorized=vectorized)
    lengths = np.random.default_rng(0).integers(1, 40, 90)

    def search(length):  # at first few, so that blocks have to grow
        if length > 30:
            yield count(100)
        return (yield count(length))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        found = in_order(engine, [search(length) for length in lengths])
    assert [int(result.taken) for result in found] == lengths.tolist()
    texts = [str(warning.message) for warning in caught]
    small = where == "moved" or (vectorized and where == "idle")  # blocks may begin small
    assert texts or small
    assert all("do not fit into the memory" in text and "nothing is lost" in text for text in texts)


def test_after_memory_ran_out_large_blocks_are_used_as_before(monkeypatch):
    """Where code is compiled ahead, it is compiled for the new numbers of lanes as well."""
    monkeypatch.setattr(Capacity, "compiles_ahead", True)
    with_memory_for(monkeypatch, 100)
    used, start = [], Block.start

    def noting(self, new, lanes):
        used.append(lanes)
        return start(self, new, lanes)

    monkeypatch.setattr(Block, "start", noting)
    engine = Engine(CAMEL.surface, lanes=512, workers=1, vectorized=True)
    lengths = np.random.default_rng(0).integers(20, 60, 1500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        found = in_order(engine, [single(count(length)) for length in lengths])
    assert [int(result.taken) for result in found] == lengths.tolist()
    assert 256 in used  # more than there is memory for
    late = used[len(used) // 2 :]
    assert np.mean(np.array(late) == 64) > 0.5


def test_what_empty_blocks_hold_is_given_back_before_lanes_are_halved_to_nothing(monkeypatch):
    """Memory for 70 lanes of all kernels together, which are used one after the other."""
    held, idle_states, abandon = {}, blocks.idle, Block.abandon

    def idle(lanes, layout):
        if sum(held.values()) + lanes > 70:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return idle_states(lanes, layout)

    def advanced(self, layout, move, advanced=Block._advanced):
        found = advanced(self, layout, move)
        held[self] = len(found)
        return found

    def abandoning(self):
        held.pop(self, None)
        return abandon(self)

    monkeypatch.setattr(blocks, "idle", idle)
    monkeypatch.setattr(Block, "_advanced", advanced)
    monkeypatch.setattr(Block, "abandon", abandoning)

    def search(length):
        first = yield Request(Countdown(steps=2), (np.asarray(length),))
        second = yield Request(Countdown(steps=5), (np.asarray(length),))
        return int(first.taken) + int(second.taken)

    engine = Engine(CAMEL.surface, lanes=64, workers=1, vectorized=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        with engine.session() as session:
            for length in range(1, 80):
                session.submit(search(length))
            session.no_more()
            found = dict(session.results())
            assert session.schedule.lanes >= 8
    assert [found[k] for k in range(79)] == [2 * length for length in range(1, 80)]


def test_threads_take_turns_more_often_during_searches_and_not_afterwards():
    before, seen = sys.getswitchinterval(), []

    def search():
        yield count(3)
        seen.append(sys.getswitchinterval())

    for vectorized in (False, True):
        in_order(Engine(CAMEL.surface, lanes=2, vectorized=vectorized), [search()])
    assert seen == [pytest.approx(5e-4)] * 2
    assert before > 5e-4
    assert sys.getswitchinterval() == before


def test_sessions_that_overlap_leave_the_turns_of_threads_as_they_were():
    before = sys.getswitchinterval()
    first, second = (Engine(CAMEL.surface).session() for _ in range(2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert sys.getswitchinterval() < before
    second.__exit__(None, None, None)
    assert sys.getswitchinterval() == before


def test_what_is_under_way_when_time_is_up_counts():
    stopping, ended = threading.Event(), []

    def search(k):
        result = yield count(3)
        stopping.set()
        ended.append(k)
        return int(result.taken)

    engine = Engine(CAMEL.surface, lanes=32, workers=1, vectorized=True)
    with engine.session(stopping.is_set) as session:
        for k in range(40):
            session.submit(search(k))
        session.no_more()
        found = dict(session.results())
    assert set(found.values()) == {3}
    assert len(found) >= 32  # both blocks


def test_a_single_search_that_does_not_fit_into_the_memory_is_an_error(monkeypatch):
    with_memory_for(monkeypatch, 0)
    with pytest.raises(BadInputError, match=r"lanes: .*no memory for a single search"):
        in_order(Engine(CAMEL.surface, lanes=1, vectorized=True), [single(count(3))])


def test_another_failure_of_the_device_is_raised(monkeypatch):
    def broken(*arguments):
        raise jax.errors.JaxRuntimeError("INTERNAL: the device is gone")

    monkeypatch.setattr(blocks, "advance", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="gone"):
        in_order(Engine(CAMEL.surface, lanes=4, vectorized=True), [single(count(3))])


@pytest.mark.parametrize("options", [{"lanes": 0}, {"workers": 0}, {"lanes": -3}])
def test_there_is_at_least_one_lane_and_worker(options):
    with pytest.raises(BadInputError, match="not at least 1"):
        Engine(CAMEL.surface, **options)


SEVERAL_DEVICES = """
import jax
from lane_runs import in_order, single
from test_engine import CAMEL, count
from lossatlas.lanes.blocks import Block
from lossatlas.lanes.engine import Engine

used, finish = set(), Block.finish
def noting(block):
    block.begun()
    used.update(jax.tree.leaves(block._states)[0].devices())
    return finish(block)
Block.finish = noting
engine = Engine(CAMEL.surface, lanes=4, vectorized=True)
found = in_order(engine, [single(count(length)) for length in range(1, 200)])
assert [int(result.taken) for result in found] == list(range(1, 200))
print(engine.workers, len(used), len(jax.devices()))
"""


def test_each_device_of_a_machine_has_a_worker(monkeypatch, pytestconfig):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=3")
    paths = [str(pytestconfig.rootpath / "tests"), str(pytestconfig.rootpath / "tests" / "lanes")]
    program = f"import sys; sys.path[:0] = {paths!r}\n{SEVERAL_DEVICES}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3", "3", "3"]
