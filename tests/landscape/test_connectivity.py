from collections import Counter
from fractions import Fraction
from math import factorial

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.errors import BadInputError
from lossatlas.landscape.connectivity import nearest_neighbor_mask


def frozen(masks) -> int:
    return sum(int((~mask).sum()) for mask in masks)


def residual_group_order(masks) -> int:
    """Sign flips of every hidden node, permutations of nodes that keep the same weights."""
    into, out_of = masks
    kinds = Counter((tuple(a), tuple(b)) for a, b in zip(into, out_of.T, strict=True))
    order = 2 ** into.shape[0]
    for multiplicity in kinds.values():
        order *= factorial(multiplicity)
    return order


@pytest.mark.parametrize(("neighbors", "count"), [(0, 0), (1, 40), (2, 20), (3, 10), (4, 0)])
@pytest.mark.parametrize("ties", ["lowest", "highest"])
def test_number_of_frozen_weights_of_the_paper(neighbors, count, ties):
    assert frozen(nearest_neighbor_mask(2, (10,), 4, neighbors, ties)) == count


@pytest.mark.parametrize(
    ("hidden", "neighbors", "order"),
    [
        (10, 0, 3_715_891_200),
        (10, 1, 147_456),
        (10, 2, 884_736),
        (10, 3, 14_745_600),
        (5, 0, 3840),
        (5, 1, 64),
        (5, 2, 128),
        (5, 3, 384),
    ],
)
@pytest.mark.parametrize("ties", ["lowest", "highest"])
def test_order_of_the_residual_symmetry_group(hidden, neighbors, order, ties):
    assert residual_group_order(nearest_neighbor_mask(2, (hidden,), 4, neighbors, ties)) == order


@pytest.mark.parametrize(
    ("hidden", "neighbors", "differing_nodes"),
    [(10, 1, []), (10, 2, [4, 7]), (10, 3, []), (5, 1, [3]), (5, 2, []), (5, 3, [3])],
)
def test_the_two_rules_differ_only_at_real_ties(hidden, neighbors, differing_nodes):
    lowest = nearest_neighbor_mask(2, (hidden,), 4, neighbors, "lowest")
    highest = nearest_neighbor_mask(2, (hidden,), 4, neighbors, "highest")
    differs = (lowest[0] != highest[0]).any(axis=1) | (lowest[1] != highest[1]).any(axis=0)
    assert list(np.flatnonzero(differs) + 1) == differing_nodes


def test_ties_go_to_the_lowest_or_the_highest_index():
    lowest = nearest_neighbor_mask(2, (5,), 4, 1, "lowest")
    highest = nearest_neighbor_mask(2, (5,), 4, 1, "highest")
    assert lowest[0][2].tolist() == [True, False]
    assert highest[0][2].tolist() == [False, True]
    assert lowest[1][:, 2].tolist() == [False, True, False, False]
    assert highest[1][:, 2].tolist() == [False, False, True, False]


def test_the_programs_key_reorders_close_nodes_of_wide_layers():
    """784 inputs: squared distances of neighbors differ by about 1e-6, the weight of the index."""
    lowest = nearest_neighbor_mask(784, (10,), 10, 1, "lowest")
    highest = nearest_neighbor_mask(784, (10,), 10, 1, "highest")
    assert lowest[0][0].argmax() == 0
    h, keys = 0, [(i / 783) ** 2 - (i + 1) * 1e-6 for i in range(784)]
    assert highest[0][h].argmax() == int(np.argmin(keys))


def position(node: int, width: int) -> Fraction:
    return Fraction(node, width - 1) if width > 1 else Fraction(0)


@given(
    widths=st.lists(st.integers(1, 9), min_size=3, max_size=5),
    neighbors=st.integers(1, 10),
)
def test_kept_nodes_are_the_nearest_by_rational_arithmetic(widths, neighbors):
    n_in, *hidden, n_out = widths
    masks = nearest_neighbor_mask(n_in, tuple(hidden), n_out, neighbors)
    assert [m.shape for m in masks] == list(zip(widths[1:], widths[:-1], strict=True))
    rows_of_hidden_nodes = [*masks[:-1], masks[-1].T]
    for mask in rows_of_hidden_nodes:
        for node, row in enumerate(mask):
            here = position(node, mask.shape[0])
            ranked = sorted((abs(here - position(i, row.size)), i) for i in range(row.size))
            assert sorted(np.flatnonzero(row)) == sorted(i for _, i in ranked[:neighbors])


@pytest.mark.parametrize(
    "arguments",
    [
        (2, (), 4, 1, "lowest"),
        (2, (0,), 4, 1, "lowest"),
        (0, (5,), 4, 1, "lowest"),
        (2, (5,), 4, -1, "lowest"),
        (2, (5,), 4, 1, "random"),
    ],
)
def test_misuse_is_refused(arguments):
    with pytest.raises(BadInputError, match=r"\[network\]"):
        nearest_neighbor_mask(*arguments)
