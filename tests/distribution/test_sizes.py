"""Sizes of batches: long enough for the executor, small enough for all workers to have some."""

from hypothesis import given, strategies as st

from lossatlas.distribution.sizes import (
    BATCH_SECONDS,
    FIRST,
    MOST_A_SECOND,
    batch_size,
    outstanding,
    shared_out,
)

counts, seconds = st.integers(1, 100_000), st.none() | st.floats(1e-4, 1e4)


@given(counts, st.integers(1, 10_000), seconds)
def test_bounds(waiting, slots, per_search):
    size = batch_size(waiting, slots, per_search)
    assert 1 <= size <= waiting
    assert batch_size(waiting + 1, slots, per_search) >= size
    if per_search is None:
        assert size <= FIRST
        return
    rate = slots / per_search / size  # batches a second, while all workers have work
    rare_enough = rate <= MOST_A_SECOND * 1.0001
    assert rare_enough or size == waiting
    short_enough = size * per_search <= max(BATCH_SECONDS, per_search) * 1.0001
    assert short_enough or (size - 1) * MOST_A_SECOND < slots / per_search


@given(counts, st.integers(1, 1_000))
def test_all_that_waits_is_shared_out_among_free_slots(waiting, free):
    sent = []
    while waiting and free:
        sent.append(shared_out(waiting, free))
        waiting, free = waiting - sent[-1], free - 1
    assert waiting == 0
    assert max(sent) - min(sent) <= 1


@given(st.integers(1, 10_000))
def test_every_slot_has_a_batch_and_few_wait(slots):
    assert slots < outstanding(slots) <= 2 * slots
