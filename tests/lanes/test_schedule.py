"""What is done next: the oldest search first, each kernel compiled by one worker."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.lanes.blocks import Block, Job, Ticket
from lossatlas.lanes.schedule import JobQueue, Schedule


def job(position):
    return Job(Ticket(position, None, None), 0, (np.zeros(1),))


def schedule(lanes=1, workers=2, vectorized=False, needed=0.0, left=None):
    """With compilations that take so many seconds, of so many that are left."""
    noted = []
    forecast = SimpleNamespace(
        seconds=lambda kernel, lanes: needed, note=lambda *arguments: noted.append(arguments)
    )
    made = Schedule(workers, lanes, vectorized, forecast, None if left is None else lambda: left)
    return made, noted


def blocks(*kernels, vectorized=False, turns=1, ahead=()):
    return {
        kernel: [Block(kernel, None, None, vectorized, ahead) for _ in range(turns)]
        for kernel in kernels
    }


def fill(call, count=None):
    """As if the call had been made: the block has its lanes, and these jobs in them."""
    new = call.new if count is None else [job(k) for k in range(count)]
    call.block.waiting = [*new, *[None] * (call.lanes - len(new))]
    call.block._count()


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
    mine, taken = blocks("a", "b"), []
    while (call := waiting.next_call(mine)) is not None:
        if call.first:
            waiting.compiled(call, 0.1)
        taken.append((call.block.kernel, *positions(call.new)))
    assert taken == [("b", 3), ("a", 4), ("a", 5), ("b", 9)]


@pytest.mark.parametrize(("vectorized", "first"), [(False, "few"), (True, "many")])
def test_of_vectorized_lanes_full_ones_come_first(vectorized, first):
    waiting, _ = schedule(lanes=4, workers=1, vectorized=vectorized)
    waiting.push("few", job(0))
    for position in range(1, 6):
        waiting.push("many", job(position))
    call = waiting.next_call(blocks("few", "many"))
    assert call.block.kernel == first
    assert positions(call.new) == ([1, 2, 3, 4] if vectorized else [0])


def test_workers_share_the_jobs_of_a_kernel_and_fill_their_empty_lanes():
    waiting, _ = schedule(lanes=4, workers=2)
    for position in range(5):
        waiting.push("a", job(position))
    mine = blocks("a")
    call = waiting.next_call(mine)
    assert (positions(call.new), call.lanes) == ([0, 1, 2], 4)
    waiting.compiled(call, 0.0)
    for position in range(3, 8):
        waiting.push("a", job(position))
    fill(call, 3)
    assert positions(waiting.next_call(mine).new) == [3]


def test_a_lane_at_work_is_advanced_though_nothing_new_waits():
    waiting, _ = schedule()
    waiting.push("a", job(7))
    mine = blocks("a")
    call = waiting.next_call(mine)
    waiting.compiled(call, 0.0)
    fill(call)
    assert waiting.next_call(mine) == (call.block, [], 1, False)


def test_one_worker_compiles_while_others_do_something_else():
    waiting, noted = schedule(workers=2)
    for position in range(4):
        waiting.push("a", job(position))
    waiting.push("b", job(4))
    first, second = blocks("a", "b"), blocks("a", "b")
    call = waiting.next_call(first)
    assert call.block.kernel == "a"
    assert waiting.next_call(second).block.kernel == "b"
    assert waiting.next_call(blocks("a", "b")) is None
    waiting.compiled(call, 2.0)
    assert noted == [("a", 1, 2.0)]
    assert waiting.next_call(second).block.kernel == "a"


def test_searches_whose_code_cannot_be_compiled_in_time_are_dropped_once():
    waiting, _ = schedule(needed=9.0, left=5.0)
    ticket = Ticket(0, None, 2)
    for slot in range(2):
        waiting.push("a", Job(ticket, slot, (np.zeros(1),)))
    waiting.push("a", job(1))
    assert waiting.next_call(blocks("a")) is None
    assert (waiting.uncompiled, waiting.dropped) == ({"a": 9.0}, 2)


def test_vectorized_blocks_are_as_large_as_needed_and_shrink_as_they_run_empty():
    waiting, _ = schedule(lanes=512, workers=1, vectorized=True)
    for position in range(600):
        waiting.push("a", job(position))
    mine = blocks("a", vectorized=True)
    call = waiting.next_call(mine)
    waiting.compiled(call, 1.0)
    assert (len(call.new), call.lanes) == (512, 512)
    fill(call, 40)  # the others have finished
    call = waiting.next_call(mine)
    waiting.compiled(call, 1.0)
    assert (len(call.new), call.lanes) == (88, 128)
    for left, lanes in ((33, 128), (32, 32), (1, 32)):
        fill(call, left)
        call = waiting.next_call(mine)
        waiting.compiled(call, 1.0)
        assert (call.new, call.lanes) == ([], lanes)


def test_a_block_keeps_its_lanes_where_there_is_no_time_to_compile_fewer():
    waiting, _ = schedule(lanes=64, workers=1, vectorized=True, needed=9.0, left=10.0)
    for position in range(40):
        waiting.push("a", job(position))
    mine = blocks("a", vectorized=True)
    call = waiting.next_call(mine)
    assert call.lanes == 64
    waiting.compiled(call, 9.0)
    fill(call, 3)
    waiting.seconds_left = lambda: 5.0
    assert waiting.next_call(mine).lanes == 64


def test_a_block_whose_device_call_is_under_way_is_left_alone():
    waiting, _ = schedule(lanes=4, workers=1, vectorized=True)
    for position in range(6):
        waiting.push("a", job(position))
    mine = blocks("a", vectorized=True, turns=2)
    first = waiting.next_call(mine)
    waiting.compiled(first, 1.0)
    fill(first)
    first.block.under_way = True
    second = waiting.next_call(mine)
    assert second.block is not first.block
    assert (positions(first.new), positions(second.new)) == ([0, 1, 2, 3], [4, 5])
    second.block.under_way = True
    assert waiting.next_call(mine) is None


def test_blocks_that_do_not_fit_are_halved_and_none_grows_again():
    waiting, _ = schedule(lanes=8, workers=1, vectorized=True)
    for position in range(20):
        waiting.push("a", job(position))
    mine = blocks("a", vectorized=True)
    call = waiting.next_call(mine)
    waiting.compiled(call, 1.0)
    fill(call)
    assert waiting.out_of_memory(call, held=[]) == "halved"
    assert call.block.active == 0
    assert (waiting.lanes, waiting.next_call(mine).lanes) == (4, 4)
    assert waiting.out_of_memory(call._replace(lanes=8), held=[]) == "halved"  # begun before
    assert waiting.lanes == 4
    assert waiting.out_of_memory(call._replace(lanes=1), held=[]) == "hopeless"


def test_while_others_hold_the_memory_a_kernel_waits_for_them():
    waiting, _ = schedule(lanes=8, workers=1, vectorized=True)
    for position, kernel in enumerate("ab"):
        waiting.push(kernel, job(position))
    mine = blocks("a", "b", vectorized=True)
    call = waiting.next_call(mine)
    waiting.compiled(call, 1.0)
    fill(call)
    assert waiting.out_of_memory(call, held=[8]) == "halved"
    other = waiting.next_call(mine)
    assert other.block.kernel == "b"
    waiting.compiled(other, 1.0)
    other.block.under_way = True
    assert waiting.next_call(mine) is None
    assert waiting.finished()
    again = waiting.next_call(mine)
    assert again.block is call.block
    # Not halved again before all blocks have as few.
    assert waiting.out_of_memory(again, held=[8]) == "waiting"
    assert waiting.lanes == 4
    assert waiting.finished()
    assert waiting.out_of_memory(call, held=[4, 4]) == "halved"
    assert waiting.out_of_memory(call._replace(lanes=1), held=[1]) == "waiting"


def test_a_block_that_cannot_grow_in_time_goes_on_as_it_is():
    waiting, _ = schedule(lanes=64, workers=1, vectorized=True, needed=9.0, left=10.0)
    for position in range(10):
        waiting.push("a", job(position))
    mine = blocks("a", vectorized=True)
    call = waiting.next_call(mine)
    waiting.compiled(call, 9.0)
    fill(call)
    assert call.lanes == 16
    for position in range(10, 60):
        waiting.push("a", job(position))
    waiting.seconds_left = lambda: 5.0
    call = waiting.next_call(mine)
    assert (len(call.new), call.lanes) == (6, 16)
    assert (waiting.uncompiled, waiting.dropped) == ({}, 0)


def test_where_code_is_compiled_ahead_that_which_is_there_is_used(monkeypatch):
    there = {16}
    monkeypatch.setattr(Block, "ready", lambda self, lanes: lanes in there)
    waiting, _ = schedule(lanes=64, workers=1, vectorized=True)
    for position in range(40):
        waiting.push("a", job(position))
    mine = blocks("a", vectorized=True)
    call = waiting.next_call(mine)
    assert (len(call.new), call.lanes) == (16, 16)
    waiting.compiled(call, 0.0)
    fill(call)
    there.add(64)
    call = waiting.next_call(mine)
    assert (len(call.new), call.lanes) == (24, 64)


def test_where_code_is_compiled_ahead_and_none_is_there_the_smallest_block_comes_first(
    monkeypatch,
):
    there = set()
    monkeypatch.setattr(Block, "ready", lambda self, lanes: lanes in there)
    waiting, _ = schedule(lanes=64, workers=1, vectorized=True)
    for position in range(40):
        waiting.push("a", job(position))
    mine = blocks("a", vectorized=True, ahead=(16, 64))
    call = waiting.next_call(mine)
    assert (len(call.new), call.lanes) == (16, 16)
    waiting.compiled(call, 0.0)
    fill(call)
    there |= {16, 64}
    call = waiting.next_call(mine)
    assert (len(call.new), call.lanes) == (24, 64)


def test_a_block_with_searches_goes_on_while_another_of_its_kernel_waits_for_memory():
    waiting, _ = schedule(lanes=8, workers=1, vectorized=True)
    mine = blocks("a", vectorized=True, turns=2)
    calls = []
    for position in (0, 8):
        for k in range(8):
            waiting.push("a", job(position + k))
        calls.append(waiting.next_call(mine))
        waiting.compiled(calls[-1], 0.0)
        fill(calls[-1])
        calls[-1].block.under_way = True
    calls[1].block.under_way = False  # it has come back, with searches that go on
    assert waiting.out_of_memory(calls[0], held=[8]) == "halved"
    assert waiting.next_call(mine).block is calls[1].block
