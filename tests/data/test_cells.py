"""Numbers as people write them: which are plain, and when a comma is a decimal point."""

import pytest
from hypothesis import given, strategies as st

from lossatlas.data.cells import (
    is_number,
    looks_like_number,
    number,
    uses_decimal_commas,
    why_no_number,
)


@given(st.floats(allow_nan=False))
def test_what_python_writes_is_read(value):
    assert number(repr(value)) == value
    assert number(repr(value).replace(".", ","), decimal_comma=True) == value


@pytest.mark.parametrize("cell", ["1_000", "2020_01", "0x10", "1,5", "45%", "", "?", "a", "1 000"])
def test_what_is_no_plain_number(cell):
    assert not is_number(cell)


@pytest.mark.parametrize(
    "cell", ["1", "-5.1", "1e5", "nan", "inf", "0x10", "1,5", "1,234.5", "1.234,5", "45 %"]
)
def test_what_people_call_a_number(cell):
    assert looks_like_number(cell)


@pytest.mark.parametrize(
    "cell", ["", "?", "a", "x1", "1st", "2020-01-01", "10cm", "1_000", "_1", "1e", "%", "-"]
)
def test_what_people_call_no_number(cell):
    assert not looks_like_number(cell)


@pytest.mark.parametrize(
    ("cells", "certain"),
    [
        (["1,5"], True),
        (["0,125", "2"], True),
        (["12,3456", "1,234"], True),
        ([",5"], True),
        (["1,5e-3"], True),
        (["1,234"], False),  # or 1234
        (["1,5", "1.5"], False),
        (["1,234.5", "1,5"], False),
        (["1,234,567", "1,5"], False),
        (["1", "2"], False),
        (["a,b"], False),
        ([], False),
    ],
)
def test_commas_are_decimal_points_where_nothing_else_can_be_meant(cells, certain):
    assert uses_decimal_commas(cells) is certain


@given(st.lists(st.integers(1000, 10**9), min_size=1))
def test_separators_of_thousands_are_never_decimal_points(numbers):
    assert not uses_decimal_commas([f"{value:,}" for value in numbers])


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [
        ("", "fill the cell in"),
        ("NA", "fill the cell in"),
        ("inf", "fill the cell in"),
        ("45%", "write e.g. 1234.5"),
        ("1_000", "write e.g. 1234.5"),
        ("1,234.5", "write e.g. 1234.5"),
        ("red", "but the label"),
    ],
)
def test_the_remedy_fits_the_cell(cell, remedy):
    assert remedy in why_no_number(cell)[1]
