"""A rare branch is computed only if a lane takes it, and gives what `lax.cond` gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.lanes.branches import LANES, rarely


def both_signs(x):
    return rarely(x < 0, lambda: {"root": jnp.sqrt(-x)}, lambda: {"root": jnp.sqrt(x)})


over_lanes = jax.jit(jax.vmap(both_signs, axis_name=LANES))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5))
def test_it_gives_what_each_lane_asks_for(values):
    found = over_lanes(jnp.array(values))["root"]
    np.testing.assert_allclose(found, np.sqrt(np.abs(values)), rtol=1e-15)
    alone = [jax.jit(both_signs)(jnp.asarray(value))["root"] for value in values]
    np.testing.assert_array_equal(found, alone)


@pytest.mark.parametrize(("values", "computed"), [([1.0, 2.0], 0), ([1.0, -2.0], 1)])
def test_the_rare_branch_is_computed_only_if_a_lane_takes_it(values, computed):
    seen = []

    def noting(x):
        jax.debug.callback(lambda: seen.append(1))
        return -x

    def step(x):
        # Inside of a branch that all lanes compute, as in a step of a kernel.
        return jax.lax.cond(x != 0, lambda: rarely(x < 0, lambda: noting(x), lambda: x), lambda: x)

    found = jax.jit(jax.vmap(step, axis_name=LANES))(jnp.array(values))
    jax.effects_barrier()
    np.testing.assert_array_equal(found, np.abs(values))
    assert bool(seen) == bool(computed)
