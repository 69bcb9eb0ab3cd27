"""The box: corners that are refused, what lies inside, and its text in the fingerprint."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.box import Box, checked_box
from lossatlas.errors import BadInputError

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
edges = st.floats(1e-3, 1e6)
periods = st.one_of(st.none(), st.just(np.inf), st.floats(1e-3, 1e6))


@given(st.lists(st.tuples(numbers, edges, periods), min_size=1, max_size=5))
def test_a_fingerprint_gives_the_box_back_exactly(coordinates):
    low, edge, period = (list(part) for part in zip(*coordinates, strict=True))
    box = checked_box(low, np.add(low, edge), period, "mine")
    for given_back, expected in zip(Box.of(box.fingerprint()), box, strict=True):
        np.testing.assert_array_equal(given_back, expected)


@pytest.mark.parametrize(
    "fingerprint",
    [
        {},
        {"network": "[2, 3, 4]"},
        {"box": "cardboard"},
        {"box": "here to there"},
        {"box": "1 to 2"},
        {"box": 3},
        {"box": '["a"] to ["b"]'},
        {"box": "[0, 0] to [1]"},
        {"box": "[1.0] to [0.0]"},
        {"box": "[0.0] to [1.0]", "period": "3"},
        {"box": "[0.0] to [1.0]", "period": "[1.0, 2.0]"},
    ],
)
def test_other_landscapes_have_no_box(fingerprint):
    assert Box.of(fingerprint) is None


def test_without_periods_the_fingerprint_is_that_of_earlier_versions():
    box = checked_box([-2, -1], [2.5, 1], None, "mine")
    assert box.fingerprint() == {"box": "[-2.0, -1.0] to [2.5, 1.0]"}


def test_faces_belong_to_it_and_periodic_coordinates_are_never_outside():
    box = checked_box([0, -1], [1, 1], [None, 2.0], "mine")
    points = [[0, 0], [1, 0], [-1e-9, 0], [1.1, 0], [-0.1, 0], [0.5, 99.0], [np.nan, 0]]
    inside = box.contains(np.array(points))
    assert inside.tolist() == [True, True, True, False, False, True, False]


@pytest.mark.parametrize(
    ("low", "high", "period", "problem"),
    [
        ([1], [0], None, "corners"),
        ([0], [0], None, "corners"),
        ([0], [np.inf], None, "corners"),
        ([0], [1, 2], None, "corners"),
        ([], [], None, "corners"),
        ("low", "high", None, "corners"),
        ([[0]], [[1]], None, "corners"),
        ([0], [1], [1, 2], "2 periods for 1"),
        ([0], [1], [0], "not all positive"),
        ([0], [1], [-1], "not all positive"),
        ([0], [1], [np.nan], "not all positive"),
        ([0], [1], 6.28, "no list"),
        ([0], [1], ["a"], "no list"),
    ],
)
def test_what_is_no_box_is_refused(low, high, period, problem):
    with pytest.raises(BadInputError, match=problem) as caught:
        checked_box(low, high, period, "mine")
    assert caught.value.where.startswith("mine")
