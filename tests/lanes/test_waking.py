"""Workers that sleep are woken for work that the others do not take, and for no other."""

import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from lane_runs import in_order

from lossatlas.errors import Status
from lossatlas.kernels.quench import Quench
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes import blocks, session
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")
SHORT, PAIRED = Quench(max_evaluations=5), Quench(max_evaluations=6)
"""Kernels that take one device call."""
OLD, PATIENCE = 9.0, 60.0


class Nothing(NamedTuple):
    value: float


@dataclass(frozen=True)
class Idle:
    """A host call that does nothing."""

    def call(self, surface, value):
        return Nothing(value)


def quench(k, kernel=SHORT):
    return Request(kernel, (np.array([0.01 * k, 0.3]), np.asarray(1e-7)))


def one(k):
    yield quench(k)


def pair(k):
    yield [quench(k), quench(-k)]


def of_all_kinds(k):
    """One job, several at once, a host call, none at all, and a host call beside a job."""
    yield quench(k)
    yield [quench(k), quench(-k), quench(2 * k)]
    yield Request(Idle(), (1.0,))
    yield []
    yield [Request(Idle(), (2.0,)), quench(k)]
    return k


@pytest.fixture(autouse=True)
def nobody_looks_again(monkeypatch: pytest.MonkeyPatch):
    """A worker that is not woken sleeps as long as the test waits."""
    monkeypatch.setattr(session, "LOOK_AGAIN", PATIENCE)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_no_search_is_forgotten(workers: int):
    begun = time.monotonic()
    found = in_order(Engine(CAMEL.surface, workers=workers), map(of_all_kinds, range(60)))
    assert found == list(range(60))
    assert time.monotonic() - begun < PATIENCE


def test_a_sleeping_worker_is_woken_for_the_second_of_two_jobs(monkeypatch: pytest.MonkeyPatch):
    """Between pairs there is one job, and one of the two workers sleeps."""
    both, advance, first = threading.Barrier(2), blocks.advance, iter([True, True])

    def together(kernel, *arguments):
        if kernel == PAIRED and not next(first, False):  # the first call compiles, alone
            both.wait(timeout=PATIENCE / 2)
        return advance(kernel, *arguments)

    def pairs():
        for k in range(1, 21):
            yield [quench(k, PAIRED), quench(-k, PAIRED)]
            yield quench(k)

    monkeypatch.setattr(blocks, "advance", together)
    list(Engine(CAMEL.surface, workers=2).run([pairs()]))
    assert not both.broken


@pytest.mark.parametrize("search", [one, pair])
def test_workers_are_not_woken_for_what_another_takes(search, monkeypatch: pytest.MonkeyPatch):
    woken, wake = [], session.Session._wake

    def noting(self, count):
        woken.append(max(0, count))
        wake(self, count)

    monkeypatch.setattr(session.Session, "_wake", noting)
    list(Engine(CAMEL.surface, workers=2).run([search(k) for k in range(1, 21)]))
    assert sum(woken) <= 20 * (search is pair) + 10


def test_a_worker_with_a_search_in_its_lanes_leaves_new_jobs_to_others(
    monkeypatch: pytest.MonkeyPatch,
):
    """It goes on with the oldest search, so that another has to be woken for a job of a new one."""
    ended, lanes_of_old, advance = threading.Event(), {}, blocks.advance

    def never_done(kernel, surface, states, rows, *others):
        for lane in np.flatnonzero(rows[:, 0]):
            lanes_of_old[id(rows), lane] = rows[lane, 1] == OLD
        states, found = advance(kernel, surface, states, rows, *others)
        if kernel == SHORT and not ended.is_set():
            time.sleep(0.002)
            found = np.array(found)
            for lane in range(len(rows)):
                if lanes_of_old.get((id(rows), lane)):
                    found[lane, 0] = Status.RUNNING
        return states, found

    def old():
        yield Request(SHORT, (np.array([OLD, 0.3]), np.asarray(1e-7)))

    def new(k):
        yield [quench(k), quench(-k)]
        yield quench(k, PAIRED)

    monkeypatch.setattr(blocks, "advance", never_done)
    begun = time.monotonic()
    with Engine(CAMEL.surface, workers=2, lanes=2).session() as opened:
        opened.submit(old())
        results = opened.results()
        for k in range(30):
            opened.submit(new(k))
            next(results)
        ended.set()
        opened.no_more()
        assert len(list(results)) == 1
    assert time.monotonic() - begun < PATIENCE / 2
