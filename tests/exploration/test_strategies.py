"""Strategies: what they propose, and that they propose nothing twice."""

from types import SimpleNamespace

import numpy as np
import pytest

from lossatlas.errors import Status
from lossatlas.exploration.strategies import rearrange, take
from lossatlas.search.outcome import Attempt


def view(minima):
    """As much of a view as these strategies look at: minima 7, 8 ..., the last one the lowest."""
    return SimpleNamespace(
        points=SimpleNamespace(minimum_ids=np.arange(minima) + 7),
        weights=np.arange(3.0 * minima).reshape(minima, 3),
        tried=set(),
        ids=lambda *positions: tuple(int(p) + 7 for p in positions),
        by_energy=lambda: np.arange(minima)[::-1],
    )


def test_rearrangements_begin_with_the_nearest_copy_of_the_lowest_minimum():
    tasks = take(rearrange(view(2)), 3, set())
    assert [(t.origin, t.detail) for t in tasks] == [
        ((8,), "copy 0"), ((7,), "copy 0"), ((8,), "copy 1"),
    ]  # fmt: skip


def test_a_minimum_without_so_many_copies_has_no_rearrangement():
    (task,) = take(rearrange(view(1)), 1, set())
    tools = SimpleNamespace(landscape=SimpleNamespace(neighbor_copies=lambda w: []))
    search = task.search(tools)
    with pytest.raises(StopIteration) as ended:
        next(search)
    attempt = ended.value.value
    assert isinstance(attempt, Attempt)
    assert attempt[:4] == ("degenerate", (7,), "copy 0", Status.NO_CANDIDATE)
