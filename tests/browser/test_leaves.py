import numpy as np
import pytest
from funnels import funnels
from hypothesis import given, settings, strategies as st

from lossatlas.analysis.tree_layout import layout
from lossatlas.browser.leaves import leaves_of
from lossatlas.errors import BadInputError
from lossatlas.network import Network


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 25), st.integers(0, 100), st.integers(0, 3))
def test_barriers_follow_from_the_row(n, seed, separate):
    network = funnels(n, seed, min(separate, n - 1))
    row = leaves_of(network)
    assert sorted(row.ids) == list(network.minimum_ids)
    for left in range(n):
        for right in range(left + 1, n):
            highest = row.gaps[left:right].max()
            assert highest == network.barrier(row.ids[left], row.ids[right])


def test_leaves_stand_as_in_the_picture_and_keep_their_values():
    network = funnels(40)
    row, placed = leaves_of(network), layout(network.tree)
    place = network.tree.place[network.positions(row.ids)]
    np.testing.assert_array_equal(placed.x[place], np.arange(40))
    np.testing.assert_array_equal(row.losses, network.minimum_energies[row.ids - 1])
    assert set(row.columns) == {"train AUC", "times found"}
    np.testing.assert_array_equal(
        row.columns["train AUC"], network.columns["train_auc"][row.ids - 1]
    )


def test_what_has_no_picture_is_refused():
    nothing = np.zeros(0)
    with pytest.raises(BadInputError, match="no minima"):
        leaves_of(Network.of_pairs(nothing, nothing, nothing, nothing))
    for top in (0.4, np.nan):
        with pytest.raises(BadInputError, match="no minimum is left"):
            leaves_of(funnels(5), top=top)
