"""Which searches were made: membership is that of a set of keys."""

import numpy as np
from hypothesis import given, strategies as st

from lossatlas.exploration.tried import Key, Tried

TEXTS = st.text("ab1,' \"\\\n", max_size=4)
KEYS = st.builds(Key, TEXTS, st.lists(st.integers(0, 12), max_size=3).map(tuple), TEXTS)


@given(st.lists(KEYS, max_size=8), st.lists(KEYS, max_size=8))
def test_members_are_the_keys_that_were_added(added, others):
    tried = Tried(added)
    for key in [*added, *others]:
        assert (key in tried) == (key in set(added))
        assert set(tried.whats(key.strategy)) == {k.what for k in added if k[0] == key[0]}


@given(st.lists(KEYS, max_size=8), st.integers(0, 12), st.integers(0, 12))
def test_pairs_are_those_of_any_strategy(added, first, second):
    pairs = {key.origins for key in added if len(key.origins) == 2 and not key.what}
    assert Tried(added).joined(first, second) == ((first, second) in pairs)


def test_ids_may_be_numbers_of_numpy():
    tried = Tried([Key("connect", (np.int64(3), 7))])
    assert Key("connect", (3, np.int64(7))) in tried
    assert tried.joined(np.int64(3), np.int64(7))
