"""Host calls: requested like kernels, run as ordinary functions by the workers."""

import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from lane_runs import in_order, results_of, single

from lossatlas.kernels.dense.polish import Polish
from lossatlas.kernels.quench import Quench
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import HostCall, Request
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")


class Square(NamedTuple):
    value: np.ndarray
    thread: str


@dataclass(frozen=True)
class Squares:
    """Squares a number in its own time."""

    seconds: float = 0.0

    def call(self, surface, w, extra):
        assert surface is CAMEL.surface
        if w.sum() < 0:
            raise ValueError("negative")
        time.sleep(self.seconds)
        return Square(w**2 + extra["plus"], threading.current_thread().name)


def job(k):
    return np.array([float(k)]), {"plus": np.array([0.5])}


def test_host_calls_are_told_from_kernels():
    assert isinstance(Squares(), HostCall)
    assert not isinstance(Quench(), HostCall)
    assert not isinstance(Polish(), HostCall)


def test_results_are_those_of_the_function_whatever_the_workers():
    for workers in (1, 2, 3):
        found = results_of(CAMEL.surface, Squares(), [job(k) for k in range(9)], workers=workers)
        np.testing.assert_array_equal([f.value[0] for f in found], [k**2 + 0.5 for k in range(9)])


def test_workers_share_the_calls_and_hold_no_lock_meanwhile():
    found = results_of(CAMEL.surface, Squares(0.1), [job(k) for k in range(8)], workers=2)
    assert len({f.thread for f in found}) == 2


def test_kernels_and_host_calls_mix_in_one_search():
    def search(k):
        start = np.array([0.1 * k, 0.3])
        quench = yield Request(Quench(), (start, np.asarray(1e-7)))
        squares = yield [Request(Squares(), job(k)), Request(Squares(), job(k + 1))]
        return quench.energy, [float(square.value[0]) for square in squares]

    for k, (energy, squares) in enumerate(in_order(Engine(CAMEL.surface), map(search, range(6)))):
        assert energy < 0
        assert squares == [k**2 + 0.5, (k + 1) ** 2 + 0.5]


def test_an_exception_in_a_host_call_is_raised_where_results_are_read():
    with pytest.raises(ValueError, match="negative"):
        results_of(CAMEL.surface, Squares(), [job(-1)])


def test_lanes_advance_while_a_host_call_takes_its_time():
    """One worker, and a host call that ends only after a search in lanes has."""
    quenched = threading.Event()

    @dataclass(frozen=True)
    class Waits:
        def call(self, surface, w):
            assert quenched.wait(60)
            return w

    def waiting():
        return (yield Request(Waits(), (np.zeros(1),)))

    def quench():
        result = yield Request(Quench(), (np.array([0.1, 0.3]), np.asarray(1e-7)))
        quenched.set()
        return result

    in_order(Engine(CAMEL.surface, workers=1), [waiting(), quench()])


def test_threads_for_host_calls_start_with_the_first_of_them():
    def names():
        return sorted(t.name for t in threading.enumerate() if t.name.startswith("lanes-"))

    def search():
        before = names()
        yield Request(Squares(), job(1))
        return before, names()

    ((before, after),) = in_order(Engine(CAMEL.surface, workers=2), [search()])
    assert before == ["lanes-0", "lanes-1"]
    assert after == ["lanes-0", "lanes-1", "lanes-host-0", "lanes-host-1"]
    assert names() == []


def test_a_thread_that_outlives_an_interrupt_is_waited_for_at_the_end_of_the_program(monkeypatch):
    """Python aborts where it is torn down while a thread is compiling."""
    at_the_end = []
    monkeypatch.setattr("lossatlas.lanes.engine.PATIENCE", 0.0)
    monkeypatch.setattr("atexit.register", lambda *call: at_the_end.append(call))
    engine = Engine(CAMEL.surface, workers=1)

    def interrupted(session):
        session.submit(single(Request(Squares(1.0), job(1))))
        while (
            len(session.schedule.host_calls) or not session.host_threads
        ):  # until the call has begun
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), engine.session() as session:
        interrupted(session)
    assert any(thread.is_alive() for thread in session.threads)
    for wait, *seconds in at_the_end:
        wait(*seconds)
    assert not any(thread.is_alive() for thread in session.threads)
