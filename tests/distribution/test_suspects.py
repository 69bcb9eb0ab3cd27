"""Which searches are sent again after a death, and how soon the one that kills is found."""

from math import ceil, log2

import pytest
from hypothesis import given, strategies as st

from lossatlas.distribution.messages import Search
from lossatlas.distribution.suspects import Suspects


def searches(count):
    return [Search(f"search {k}", k, b"", 0) for k in range(count)]


@given(st.integers(1, 200), st.data())
def test_the_search_that_kills_is_found_by_halving(count, data):
    guilty = data.draw(st.sampled_from(searches(count)))
    suspects, done, deaths = Suspects(vectorized=True), [], 0
    suspects.add(searches(count))
    while suspects:
        group = suspects.next_group()
        if guilty not in group:
            done += group
        elif len(group) == 1:
            assert group == (guilty,)
        else:
            deaths += 1
            suspects.halve(group)
    assert sorted(search.position for search in (*done, guilty)) == list(range(count))
    assert deaths <= ceil(log2(count))


@pytest.mark.parametrize(("vectorized", "sizes"), [(True, [5]), (False, [1] * 5)])
def test_lost_searches_are_sent_together_only_where_that_takes_no_longer(vectorized, sizes):
    suspects = Suspects(vectorized)
    suspects.add(searches(3))
    suspects.add(searches(2))
    found = []
    while suspects:
        found.append(len(suspects.next_group()))
    assert found == sizes


def test_all_are_forgotten():
    suspects = Suspects(vectorized=True)
    suspects.add(searches(4))
    suspects.halve(suspects.next_group())
    suspects.add(searches(1))
    suspects.clear()
    assert not suspects
