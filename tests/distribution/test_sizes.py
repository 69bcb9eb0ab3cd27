"""Sizes of batches: long enough for the executor, small enough for all workers to have some."""

from hypothesis import given, strategies as st

from lossatlas.distribution.sizes import (
    BATCH_SECONDS,
    FIRST,
    MOST_A_SECOND,
    batch_size,
    outstanding,
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


@given(counts, st.integers(1, 10_000), seconds)
def test_vectorized_workers_get_all_that_waits_at_once(waiting, slots, per_search):
    """Batches of one size, as many as there are slots at most, whatever a search has taken."""
    size = batch_size(waiting, slots, per_search, vectorized=True)
    batches = -(-waiting // size)
    assert 1 <= batches <= slots
    assert size - 1 < waiting / slots  # no larger than it has to be


@given(st.integers(1, 10_000))
def test_every_slot_has_a_batch_and_few_wait(slots):
    assert slots < outstanding(slots) <= 2 * slots
