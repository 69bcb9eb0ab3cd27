import zlib

import numpy as np
import pytest
from funnels import funnels

from lossatlas.browser.leaves import Leaves, leaves_of
from lossatlas.browser.packing import pack
from lossatlas.errors import BadInputError


def unpacked(packed: bytes, n: int) -> list[np.ndarray]:
    planes = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(-1, 4, n)
    return [np.ascontiguousarray(one.T).view("<f4").ravel() for one in planes]


def test_losses_above_the_lowest_keep_seven_digits_of_their_own():
    """Also where all losses are alike in the first ten digits."""
    excess = np.array([0.0, 1.234567e-12, 3e-11, 2e-10])
    row = Leaves(np.arange(1, 5), 0.0 + excess, excess[1:], {}, 1.0)
    found = unpacked(pack(row), 4)
    np.testing.assert_allclose(found[1], excess, rtol=1e-7)
    np.testing.assert_array_equal(found[0].view("<i4"), row.ids)
    assert found[2][-1] == np.inf


def test_columns_keep_five_digits_and_what_is_not_finite():
    values = np.array([np.pi, -1e-20, np.nan, np.inf, -np.inf, 0.0])
    row = Leaves(np.arange(6), np.zeros(6), np.ones(5), {"one": values}, 1.0)
    np.testing.assert_allclose(unpacked(pack(row), 6)[3], values, rtol=5e-6)


def test_two_hundred_thousand_minima_are_a_few_megabytes():
    assert len(pack(leaves_of(funnels(200_000)))) < 3_000_000


def test_ids_that_browsers_cannot_hold_are_refused():
    row = Leaves(np.array([2**31]), np.zeros(1), np.zeros(0), {}, 1.0)
    with pytest.raises(BadInputError, match="id 2147483648"):
        pack(row)
