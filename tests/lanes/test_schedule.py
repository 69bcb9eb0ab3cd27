"""What is done next: the oldest search first, each kernel compiled by one worker."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.lanes.blocks import Block, Job, Ticket
from lossatlas.lanes.schedule import JobQueue, Schedule


def job(position):
    return Job(Ticket(position, None, None), 0, (np.zeros(1),))


def schedule(lanes=1, workers=2, on_cpu=True, needed=0.0, left=None):
    """With compilations that take so many seconds, of so many that are left."""
    noted = []
    forecast = SimpleNamespace(
        seconds=lambda kernel: needed, note=lambda kernel, seconds: noted.append((kernel, seconds))
    )
    made = Schedule(workers, lanes, on_cpu, forecast, None if left is None else lambda: left)
    return made, noted


def blocks(lanes, *kernels):
    return {kernel: Block(kernel, None, lanes, False) for kernel in kernels}


def positions(jobs):
    return [one.ticket.position for one in jobs]


@given(st.lists(st.one_of(st.integers(0, 9), st.none())))
def test_jobs_come_by_age_and_then_in_order(moves):
    """A number pushes a job of that search, None takes one: as a sorted list would."""
    queue, expected = JobQueue(), []
    for number, move in enumerate(moves):
        if move is None and expected:
            expected.sort()
            assert queue.pop() == expected.pop(0)[1]
        elif move is not None:
            queue.push(move, number)
            expected.append((move, number))
        assert len(queue) == len(expected)
        assert queue.oldest == min((age for age, _ in expected), default=None)


def test_the_kernel_that_the_oldest_search_waits_for_comes_first():
    waiting, _ = schedule(workers=1)
    for kernel, position in (("a", 5), ("b", 3), ("a", 4), ("b", 9)):
        waiting.push(kernel, job(position))
    mine, taken = blocks(1, "a", "b"), []
    while (work := waiting.next_kernel(mine)) is not None:
        kernel, new = work
        if waiting.is_being_compiled(kernel):
            waiting.compiled(kernel, 0.1)
        taken.append((kernel, *positions(new)))
    assert taken == [("b", 3), ("a", 4), ("a", 5), ("b", 9)]


@pytest.mark.parametrize(("on_cpu", "first"), [(True, "few"), (False, "many")])
def test_on_a_gpu_full_lanes_come_first(on_cpu, first):
    waiting, _ = schedule(lanes=4, workers=1, on_cpu=on_cpu)
    waiting.push("few", job(0))
    for position in range(1, 6):
        waiting.push("many", job(position))
    kernel, new = waiting.next_kernel(blocks(4, "few", "many"))
    assert kernel == first
    assert positions(new) == ([0] if on_cpu else [1, 2, 3, 4])


def test_workers_share_the_jobs_of_a_kernel_and_fill_their_empty_lanes():
    waiting, _ = schedule(lanes=4, workers=2)
    waiting.compiled("a", 0.0)
    for position in range(5):
        waiting.push("a", job(position))
    mine = blocks(4, "a")
    waiting.next_kernel(mine)
    waiting.compiled("a", 0.0)
    for position in range(3, 8):
        waiting.push("a", job(position))
    mine["a"].waiting[:3] = [job(0), job(1), job(2)]
    assert positions(waiting.next_kernel(mine)[1]) == [3]


def test_a_lane_at_work_is_advanced_though_nothing_new_waits():
    waiting, _ = schedule()
    waiting.push("a", job(7))
    mine = blocks(1, "a")
    _, new = waiting.next_kernel(mine)
    waiting.compiled("a", 0.0)
    mine["a"].waiting[:] = new
    assert waiting.next_kernel(mine) == ("a", [])


def test_one_worker_compiles_while_others_do_something_else():
    waiting, noted = schedule(workers=2)
    for position in range(4):
        waiting.push("a", job(position))
    waiting.push("b", job(4))
    first, second = blocks(1, "a", "b"), blocks(1, "a", "b")
    assert waiting.next_kernel(first)[0] == "a"
    assert waiting.next_kernel(second)[0] == "b"
    assert waiting.next_kernel(blocks(1, "a", "b")) is None
    waiting.compiled("a", 2.0)
    assert noted == [("a", 2.0)]
    assert waiting.next_kernel(second)[0] == "a"


def test_searches_whose_code_cannot_be_compiled_in_time_are_dropped_once():
    waiting, _ = schedule(needed=9.0, left=5.0)
    ticket = Ticket(0, None, 2)
    for slot in range(2):
        waiting.push("a", Job(ticket, slot, (np.zeros(1),)))
    waiting.push("a", job(1))
    assert waiting.next_kernel(blocks(1, "a")) is None
    assert (waiting.uncompiled, waiting.dropped) == ({"a": 9.0}, 2)
