"""Neighbor lists come back as they were written, whoever wrote them first."""

import numpy as np
import pytest
from atlas_points import attempt, network_point
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import delete

from lossatlas.atlas import schema
from lossatlas.atlas.neighbors import NeighborLists, read_neighbors, write_neighbors
from lossatlas.errors import AtlasError

MINIMA = 12


@pytest.fixture
def filled(atlas, commit, rng):
    commit(attempt(minima=[network_point(rng) for _ in range(MINIMA)]))
    return atlas


def lists(lengths: list[int], seed: int = 0) -> NeighborLists:
    """Lists of minima 1, 2, ... of these lengths, of earlier minima each."""
    rng = np.random.default_rng(seed)
    candidates = np.full((len(lengths), max(lengths, default=0)), -1)
    distances = np.full(candidates.shape, np.inf)
    for k, length in enumerate(lengths):
        candidates[k, :length] = rng.permutation(k)[:length] + 1
        distances[k, :length] = np.sort(rng.random(length))
    return NeighborLists(np.arange(1, len(lengths) + 1), candidates, distances)


def part(some: NeighborLists, rows: slice) -> NeighborLists:
    return NeighborLists(*(column[rows] for column in some))


def assert_same(one: NeighborLists, other: NeighborLists) -> None:
    width = max(one.candidates.shape[1], other.candidates.shape[1])
    np.testing.assert_array_equal(one.minimum, other.minimum)
    for name, blank in (("candidates", -1), ("distances", np.inf)):
        wide = [getattr(some, name) for some in (one, other)]
        pads = [((0, 0), (0, width - values.shape[1])) for values in wide]
        padded = [np.pad(v, p, constant_values=blank) for v, p in zip(wide, pads, strict=True)]
        np.testing.assert_array_equal(*padded)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_lists_are_read_as_they_were_written_in_whatever_parts(filled, data):
    lengths = [data.draw(st.integers(0, k)) for k in range(data.draw(st.integers(0, MINIMA)))]
    written = lists(lengths)
    cut = data.draw(st.integers(0, len(lengths)))
    with filled.writing() as connection:
        connection.execute(delete(schema.neighbors))
        write_neighbors(connection, part(written, slice(cut)))
        write_neighbors(connection, part(written, slice(cut, None)))
    with filled.reading() as connection:
        assert_same(read_neighbors(connection), written)
        assert_same(read_neighbors(connection, after=cut), part(written, slice(cut, None)))
    assert filled.check() == ()


def test_the_first_writer_stays(filled):
    mine, others = lists([0, 1, 2, 3]), lists([0, 1, 1, 2, 4], seed=1)
    with filled.writing() as connection:
        write_neighbors(connection, mine)
        write_neighbors(connection, others)
    with filled.reading() as connection:
        stored = read_neighbors(connection)
    assert_same(part(stored, slice(4)), mine)
    assert_same(part(stored, slice(4, None)), part(others, slice(4, None)))


def test_a_list_of_no_minimum_is_refused(filled):
    with pytest.raises(AtlasError), filled.writing() as connection:
        write_neighbors(connection, lists([0] * MINIMA)._replace(minimum=np.arange(2, MINIMA + 2)))
    with filled.reading() as connection:
        assert not len(read_neighbors(connection).minimum)
