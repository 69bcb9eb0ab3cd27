"""Trees of arrays in one row: nothing is lost, whatever is in them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lossatlas.lanes.packing import Packing, packed

TYPES = {
    np.float64: st.floats(allow_nan=True),
    np.float32: st.floats(width=32, allow_subnormal=False),  # compiled code makes them zero
    np.int32: st.integers(-(2**31), 2**31 - 1),
    np.int64: st.integers(-(2**53), 2**53),
    np.bool_: st.booleans(),
}


class Pair(NamedTuple):
    first: object
    rest: object


def some_array(dtype):
    shapes = array_shapes(min_dims=0, max_dims=3, max_side=3)
    return arrays(dtype, shapes, elements=TYPES[dtype])


trees = st.builds(
    Pair,
    some_array(np.float64),
    st.lists(st.sampled_from(list(TYPES)).flatmap(some_array), max_size=3).map(tuple),
)


def assert_same(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)


@given(trees)
def test_what_is_written_is_read(tree):
    packing = Packing.of(tree)
    row = np.full(packing.size, np.nan)
    packing.write(row, tree)
    found = packing.read(row)
    row[:] = 0.0  # what was read is a copy
    assert_same(found, tree)
    assert hash(packing) == hash(Packing.of(tree))


@settings(max_examples=10, deadline=None)
@given(trees)
def test_compiled_code_reads_and_writes_the_same(tree):
    packing = Packing.of(tree)
    row = np.zeros(packing.size)
    packing.write(row, tree)
    np.testing.assert_array_equal(packed(jax.tree.map(jnp.asarray, tree)), row)
    assert_same(jax.tree.map(np.asarray, packing.unpacked(jnp.asarray(row))), tree)
