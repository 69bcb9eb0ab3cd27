"""The lanes engine: the same results however many lanes and workers, and nothing lost."""

import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lane_runs import each_in_order, in_order, results_of, single
from reference_networks import small_data

from lossatlas.errors import BadInputError, Status
from lossatlas.kernels.band import Band
from lossatlas.kernels.dense.climb import Climb
from lossatlas.kernels.dense.flow import Flow
from lossatlas.kernels.dense.polish import Polish
from lossatlas.kernels.quench import Quench
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.lanes import session
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Found, Request, running
from lossatlas.lanes.steps import _advance
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")
NETWORK = NetworkLandscape(*small_data(), (2,), 1e-2)
LANDSCAPES = {"camel": CAMEL, "network": NETWORK}
N_JOBS = 7


def starts_of(landscape):
    random = np.random.default_rng(0)
    return [0.5 * landscape.random_start(random) for _ in range(N_JOBS)]


def jobs_of(kernel, landscape):
    starts, n = starts_of(landscape), landscape.n_weights
    if isinstance(kernel, Quench):
        return [(w, np.asarray(1e-7)) for w in starts]
    if isinstance(kernel, Polish):
        return [(w, np.asarray(k % 2 == 0)) for k, w in enumerate(starts)]
    if isinstance(kernel, Flow):
        return [(w, np.asarray(1e-3), np.asarray(0.1), np.eye(n), np.zeros(())) for w in starts]
    other = np.roll(starts, 1, axis=0)
    return list(zip(starts, other, strict=True))


KERNELS = {
    "full quench": Quench(),
    "refreshed quench": Quench(refresh=7),
    "limited quench": Quench(memory=4),
    "polish": Polish(n_modes=2, max_hessians=40),
    "flow": Flow(max_step=0.2, max_hessians=100),
    "climb": Climb(max_hessians=30),
    "band": Band(images=6, iterations=20),
}


@dataclass(frozen=True)
class Countdown:
    """A kernel of known length: `job` steps; adds the surface's energy at each."""

    steps: int = 3

    def init(self, surface, count):
        return CountdownState(
            count, jnp.int32(0), jnp.zeros(2) + surface.energy(jnp.zeros(2)), running()
        )

    def step(self, surface, state):
        taken = state.taken + 1
        status = jnp.where(taken >= state.count, Status.CONVERGED, running()).astype(jnp.int32)
        return state._replace(taken=taken, status=status)

    def result(self, state):
        return Counted(state.taken, state.count)


class CountdownState(NamedTuple):
    count: jax.Array
    taken: jax.Array
    other: jax.Array
    status: jax.Array


class Counted(NamedTuple):
    taken: jax.Array
    count: jax.Array


def count(number):
    return Request(Countdown(), (np.asarray(number),))


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "landscape"),
    [
        *[(name, "camel") for name in KERNELS],
        *[(name, "network") for name in ("full quench", "refreshed quench", "polish", "flow")],
    ],
)
def test_results_do_not_depend_on_lanes_workers_or_position(name, landscape):
    kernel, surface = KERNELS[name], LANDSCAPES[landscape].surface
    jobs = jobs_of(kernel, LANDSCAPES[landscape])
    expected = results_of(surface, kernel, jobs, lanes=4, workers=1)
    assert any(result.status == Status.CONVERGED for result in expected)
    assert_same(results_of(surface, kernel, jobs, lanes=4, workers=2), expected)
    assert_same(results_of(surface, kernel, jobs[::-1], lanes=4, workers=1)[::-1], expected)
    assert_same(results_of(surface, kernel, jobs[3:4], lanes=4, workers=1), expected[3:4])


@pytest.mark.parametrize("lanes", [1, 9])
def test_results_do_not_depend_on_the_number_of_lanes(lanes):
    kernel = KERNELS["full quench"]
    jobs = jobs_of(kernel, NETWORK)
    expected = results_of(NETWORK.surface, kernel, jobs, lanes=4, workers=1)
    found = results_of(NETWORK.surface, kernel, jobs, lanes=lanes, workers=1)
    assert_same(found, expected)


def test_a_lane_is_what_the_kernel_does_alone():
    kernel = KERNELS["full quench"]
    job = jobs_of(kernel, NETWORK)[0]
    state = jax.jit(kernel.init)(NETWORK.surface, *job)
    step = jax.jit(kernel.step)
    while state.status == Status.RUNNING:
        state = step(NETWORK.surface, state)
    found = results_of(NETWORK.surface, kernel, [job], lanes=4, workers=1)[0]
    for a, b in zip(found, kernel.result(state), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_more_searches_than_lanes_all_finish(workers):
    lengths = np.random.default_rng(0).integers(1, 40, 150)
    engine = Engine(CAMEL.surface, lanes=3, workers=workers)
    found = in_order(engine, [single(count(length)) for length in lengths])
    assert [int(result.taken) for result in found] == lengths.tolist()


def test_searches_ask_one_after_the_other_and_several_at_once():
    def search(seed):
        random, total = np.random.default_rng(seed), 0
        for _ in range(5):
            lengths = random.integers(1, 20, random.integers(1, 6))
            results = yield [count(length) for length in lengths]
            assert [int(result.count) for result in results] == lengths.tolist()
            total += sum(int(result.taken) for result in results)
            alone = yield count(7)
            assert int(alone.taken) == 7
        return seed, total

    engine = Engine(CAMEL.surface, lanes=3, workers=2)
    found = in_order(engine, [search(seed) for seed in range(20)])
    assert [seed for seed, _ in found] == list(range(20))
    again = in_order(Engine(CAMEL.surface, lanes=5, workers=1), [search(s) for s in range(20)])
    assert again == found


def test_searches_may_use_several_kernels_and_none():
    def search(w):
        quench = yield Request(KERNELS["full quench"], (w, np.asarray(1e-7)))
        polished = yield Request(KERNELS["polish"], (quench.w, np.asarray(True)))
        return float(polished.energy)

    def nothing():
        return "nothing"
        yield

    searches = [search(w) for w in starts_of(NETWORK)]
    searches.insert(2, nothing())
    found = in_order(Engine(NETWORK.surface, lanes=4, workers=2), searches)
    assert found.pop(2) == "nothing"
    alone = [in_order(Engine(NETWORK.surface, lanes=4), [search(w)])[0] for w in starts_of(NETWORK)]
    assert found == alone


def test_short_searches_do_not_wait_for_long_ones():
    engine = Engine(CAMEL.surface, lanes=2, workers=1)
    lengths = [3000, *[1] * 30]
    order = [position for position, _ in engine.run(single(count(n)) for n in lengths)]
    assert order[-1] == 0
    assert sorted(order) == list(range(31))


@pytest.mark.parametrize("workers", [2, 8])
def test_no_worker_that_waits_is_forgotten(workers, monkeypatch):
    """Each job wakes a worker: none has to look by itself whether there is one."""
    monkeypatch.setattr(session, "LOOK_AGAIN", 60.0)
    begun = time.monotonic()

    def search(seed):
        random = np.random.default_rng(seed)
        for _ in range(10):
            yield [count(length) for length in random.integers(1, 9, random.integers(1, 5))]
            yield count(3)

    found = in_order(Engine(CAMEL.surface, lanes=1, workers=workers), map(search, range(30)))
    assert len(found) == 30
    assert time.monotonic() - begun < 50


def test_the_states_of_a_kernel_are_traced_once_for_all_workers():
    traced = []

    @dataclass(frozen=True)
    class Traced(Countdown):
        def init(self, surface, number):
            traced.append(number)
            return super().init(surface, number)

    requests = [single(Request(Traced(steps=5), (np.asarray(7),))) for _ in range(40)]
    assert len(in_order(Engine(CAMEL.surface, lanes=1, workers=6), requests)) == 40
    assert len(traced) <= 3  # for the shapes, and where it is compiled


def test_results_of_a_search_are_its_own():
    """Arrays handed over are copies: later device calls and other searches do not change them."""
    found = results_of(
        NETWORK.surface, KERNELS["full quench"], jobs_of(KERNELS["full quench"], NETWORK)
    )
    before = [result.w.copy() for result in found]
    for result in found:
        assert result.w.flags.owndata
        assert result.w.dtype == np.float64
        result.w[:] = 0.0
    again = results_of(
        NETWORK.surface, KERNELS["full quench"], jobs_of(KERNELS["full quench"], NETWORK)
    )
    for old, result in zip(before, again, strict=True):
        np.testing.assert_array_equal(old, result.w)


def test_an_exception_inside_a_search_is_raised_where_results_are_read():
    def broken():
        yield count(3)
        raise ZeroDivisionError("inside")

    engine = Engine(CAMEL.surface, lanes=2, workers=2)
    with pytest.raises(ZeroDivisionError, match="inside"):
        list(engine.run([single(count(50)), broken(), single(count(50))]))
    assert not [t for t in threading.enumerate() if t.name.startswith("lanes-")]


def test_an_exception_inside_a_kernel_is_raised_where_results_are_read():
    engine = Engine(CAMEL.surface, lanes=2, workers=2)
    with pytest.raises(TypeError):
        list(engine.run([single(Request(Countdown(), ("not", "a job")))]))


def test_stop_drops_what_is_in_flight():
    def endless():
        while True:
            yield count(5)

    def two(n):
        yield count(n)
        return n

    stopping = threading.Event()
    engine = Engine(CAMEL.surface, lanes=2, workers=2)
    with engine.session(stopping.is_set) as session:
        session.submit(two(3))
        for _ in range(5):
            session.submit(endless())
        results = session.results()
        assert next(results) == (0, 3)
        stopping.set()
        assert list(results) == []
    assert not [t for t in threading.enumerate() if t.name.startswith("lanes-")]


def test_a_search_may_ask_for_no_jobs_at_all():
    def nothing():
        return (yield [])

    deadline = time.monotonic() + 2
    engine = Engine(CAMEL.surface, lanes=2, workers=1)
    with engine.session(lambda: time.monotonic() > deadline) as session:
        session.submit(nothing())
        session.no_more()
        assert list(session.results()) == [(0, [])]


def test_searches_may_be_submitted_while_others_run():
    engine = Engine(CAMEL.surface, lanes=2, workers=2)
    found = []
    with engine.session() as session:
        results = session.results()
        for number in range(1, 6):
            position = session.submit(single(count(number)))
            found.append(next(results))
            assert found[-1][0] == position
        session.no_more()
        assert list(results) == []
    assert [int(result.taken) for _, result in found] == [1, 2, 3, 4, 5]


def test_leaving_a_session_early_ends_the_workers():
    engine = Engine(CAMEL.surface, lanes=2, workers=2)
    for _, result in engine.run(single(count(20)) for _ in range(30)):
        assert result.taken == 20
        break
    deadline = time.monotonic() + 20
    while [t for t in threading.enumerate() if t.name.startswith("lanes-")]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_new_label_realization_compiles_nothing():
    inputs, labels = small_data(seed=5)
    random = np.random.default_rng(0)
    kernels = [KERNELS["full quench"], KERNELS["polish"]]

    def search(w):
        quench = yield Request(kernels[0], (w, np.asarray(1e-7)))
        yield Request(kernels[1], (quench.w, np.asarray(True)))
        return float(quench.energy)

    sizes, energies = [], set()
    for _ in range(4):
        landscape = NetworkLandscape(inputs, random.permutation(labels), (2,), 1e-2, classes=3)
        engine = Engine(landscape.surface, lanes=4, workers=2)
        energies |= {
            round(e, 9) for e in in_order(engine, [search(w) for w in starts_of(landscape)])
        }
        sizes.append(_advance._cache_size())
    assert sizes[1:] == sizes[:1] * 3
    assert len(energies) >= 4


def test_a_kernel_is_traced_once_whatever_the_number_of_workers():
    traces = []

    @dataclass(frozen=True)
    class Traced(Countdown):
        def step(self, surface, state):
            traces.append(threading.current_thread().name)
            return super().step(surface, state)

    for workers in (2, 3):
        engine = Engine(CAMEL.surface, lanes=2, workers=workers)
        requests = [Request(Traced(), (np.asarray(9),)) for _ in range(20)]
        in_order(engine, [single(request) for request in requests])
    assert len(traces) == 1


def test_a_search_hands_over_what_it_has_before_it_ends():
    def patient(length):
        yield Found("nothing yet")
        for k in range(3):
            yield count(length)
            yield Found(k)
            yield Found(10 * k)
        return "end"

    engine = Engine(CAMEL.surface, lanes=2, workers=2)
    chains = each_in_order(engine, [patient(1 + k) for k in range(9)])
    assert chains == 9 * [["nothing yet", 0, 0, 1, 10, 2, 20, "end"]]


def test_what_is_handed_over_is_told_from_the_end():
    def search():
        yield Found(1)
        yield count(2)
        return 2

    with Engine(CAMEL.surface).session() as session:
        session.submit(search())
        session.no_more()
        assert list(session.results()) == [(0, Found(1)), (0, 2)]


def test_searches_are_resumed_side_by_side():
    """Two of them meet between two requests: none holds a lock that the other needs."""
    meeting = threading.Barrier(2, timeout=60)

    def search():
        yield count(3)
        meeting.wait()
        return (yield count(3))

    found = in_order(Engine(CAMEL.surface, workers=2), [search(), search()])
    assert [int(result.taken) for result in found] == [3, 3]


def test_a_search_never_runs_in_two_threads_at_once():
    """It hands over a number with each part; they come in order whatever the threads."""

    def search(seed):
        random, busy = np.random.default_rng(seed), threading.Lock()
        for k in range(30):
            assert busy.acquire(blocking=False)
            yield Found(k)
            busy.release()
            yield [count(n) for n in random.integers(1, 9, random.integers(0, 4))]
        return "end"

    chains = each_in_order(Engine(CAMEL.surface, lanes=2, workers=4), map(search, range(12)))
    assert chains == 12 * [[*range(30), "end"]]


def test_an_exception_between_requests_does_not_stop_the_others():
    def broken():
        yield Found("first")
        yield count(3)
        raise ZeroDivisionError("inside")

    with Engine(CAMEL.surface, workers=2).session() as session:
        for k in range(6):
            session.submit(broken() if k == 2 else single(count(4)))
        session.no_more()
        found = []
        with pytest.raises(ZeroDivisionError, match="inside"):
            note_all(session.results(), found)
        note_all(session.results(), found)
    assert sorted(position for position, _ in found) == [0, 1, 2, 3, 4, 5]
    assert (2, Found("first")) in found


def note_all(results, found):
    for item in results:
        found.append(item)


def test_a_search_must_not_return_what_comes_before_the_last_result():
    def never_ends():
        yield []
        return Found(3)

    deadline = time.monotonic() + 20
    engine = Engine(CAMEL.surface, workers=1)
    with engine.session(lambda: time.monotonic() > deadline) as session:
        session.submit(never_ends())
        with pytest.raises(BadInputError, match="it returns a Found"):
            next(session.results())


@pytest.mark.parametrize("number", [1, 2])
def test_threads_that_cannot_be_started_leave_none_behind(monkeypatch, number):
    """Or an interrupt that comes while they are started."""
    start, started = threading.Thread.start, []

    def refused(thread):
        if len(started) + 1 == number:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(Engine(CAMEL.surface, workers=3).run([single(count(2))]))
    assert len(started) == number - 1
    assert not any(thread.is_alive() for thread in started)
