"""Batches that come when a session is closed or has failed are answered all the same."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest
from landscapes import nothing

from lossatlas.distribution import asking, worker
from lossatlas.distribution.messages import (
    GIVEN_UP,
    Batch,
    Computing,
    Setup,
    packed,
    unpacked,
)
from lossatlas.lanes.engine import Engine
from lossatlas.search.tools import Tools

SECONDS = 10.0
"""After which a call is taken to wait for ever."""


def in_time(function, *arguments):
    """What it returns or raises; fails, and waits no longer, if it takes too long."""
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(function, *arguments).result(SECONDS)
    finally:
        pool.shutdown(wait=False)


def make():
    return nothing(None)


def test_a_closed_session_gives_searches_up():
    session = worker._Session(Engine(None, 1, 1))
    assert len(in_time(session.make, [make], None)) == 1
    session.close()
    session.thread.join(SECONDS)
    assert in_time(session.make, [make, make], 1.5 * SECONDS) == [[GIVEN_UP]] * 2


def test_a_session_that_failed_raises_its_error():
    session = worker._Session(Engine(None, 1, 1))
    session.session.done.put((0, None))  # a result that nobody asked for
    session.thread.join(SECONDS)
    with pytest.raises(KeyError):
        in_time(session.make, [make], 1.5 * SECONDS)
    session.close()


@pytest.fixture
def setup(landscape):
    own = worker.identity()
    tools = Tools(landscape, *[None] * 10)  # no kernel is used
    return packed((Computing(own, "", False), packed(Setup(tools, 1, 1, own), "setup")), "setup")


@pytest.fixture
def exploration():
    yield "of this test"
    worker.forget("of this test")


def batch_of(exploration, setup):
    return Batch(exploration, 0, packed([nothing], "searches"), (0,), 0, None, setup)


def test_an_exploration_that_is_forgotten_meanwhile_opens_no_session(
    setup, exploration, monkeypatch
):
    """It is forgotten after its batch has found it, and before the searches are made."""
    learn, states = worker._State.learn, []

    def forget_and_learn(state, batch):
        worker.forget(batch.exploration)
        states.append(state)
        return learn(state, batch)

    monkeypatch.setattr(worker._State, "learn", forget_and_learn)
    reply = in_time(worker.answer, batch_of(exploration, setup))
    assert unpacked(reply.results) == [[GIVEN_UP]]
    assert states[0].session is None  # nobody would close it
    monkeypatch.undo()
    reply = in_time(worker.answer, batch_of(exploration, setup))
    assert GIVEN_UP not in unpacked(reply.results)[0]


def test_an_exploration_in_use_is_not_dropped_for_others(setup, exploration, monkeypatch):
    """A batch that has found it counts before its searches are made."""
    learn, others = worker._State.learn, [f"other {k}" for k in range(worker.KEPT + 1)]

    def others_begin(state, batch):
        for other in others:
            worker.ability(other, setup)
        return learn(state, batch)

    monkeypatch.setattr(worker._State, "learn", others_begin)
    try:
        reply = in_time(worker.answer, batch_of(exploration, setup))
        assert unpacked(reply.results)[0] != [GIVEN_UP]
        assert exploration in worker._STATES
        assert worker._STATES[exploration].idle
        assert len(worker._STATES) <= worker.KEPT + 1
    finally:
        for other in others:
            worker.forget(other)


def test_one_batch_of_a_worker_asks_for_what_all_lack(setup, exploration, monkeypatch):
    monkeypatch.setattr(worker, "_threads_of_dask", lambda: 4)
    with ThreadPoolExecutor(4) as pool:
        lacking = [pool.submit(worker.answer, batch_of(exploration, None)) for _ in range(3)]
        ((first,), others) = wait(lacking, SECONDS, FIRST_COMPLETED)
        assert first.result().lacking.setup
        assert len(others) == 2
        assert not wait(others, 0.2).done
        sent = pool.submit(worker.answer, batch_of(exploration, setup))
        replies = [future.result(SECONDS) for future in (sent, *others)]
    assert all(reply.lacking is None for reply in replies)
    assert worker.answer(batch_of(exploration, None)).lacking is None


@pytest.mark.parametrize(("threads", "waiting"), [(None, 0), (1, 0), (3, 2)])
def test_one_thread_is_left_for_the_batch_that_brings_it(
    setup, exploration, monkeypatch, threads, waiting
):
    monkeypatch.setattr(worker, "_threads_of_dask", lambda: threads)
    with ThreadPoolExecutor(6) as pool:
        batches = [pool.submit(worker.answer, batch_of(exploration, None)) for _ in range(5)]
        done, others = wait(batches, 0.5)
        assert len(others) == waiting
        assert all(future.result().lacking.setup for future in done)
        pool.submit(worker.answer, batch_of(exploration, setup)).result(SECONDS)
        assert not wait(others, SECONDS).not_done


def test_a_batch_asks_again_if_nothing_is_sent(exploration, monkeypatch):
    monkeypatch.setattr(worker, "_threads_of_dask", lambda: 4)
    monkeypatch.setattr(asking, "SECONDS", 0.1)
    for _ in range(2):
        assert in_time(worker.answer, batch_of(exploration, None)).lacking.setup
