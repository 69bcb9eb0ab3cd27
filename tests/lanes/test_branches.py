"""A rare branch is computed only if a lane takes it, and gives what `lax.cond` gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.lanes.branches import in_lanes, rarely


def both_signs(x):
    return rarely(x < 0, lambda: {"root": jnp.sqrt(-x)}, lambda: {"root": jnp.sqrt(x)})


@jax.jit
def over_lanes(values):
    return in_lanes(both_signs, jnp.ones(values.shape, bool), values)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=5, max_size=5))
def test_it_gives_what_each_lane_asks_for(values):
    found = over_lanes(jnp.array(values))["root"]
    np.testing.assert_allclose(found, np.sqrt(np.abs(values)), rtol=1e-15)
    alone = [jax.jit(both_signs)(jnp.asarray(value))["root"] for value in values]
    np.testing.assert_array_equal(found, alone)


@pytest.mark.parametrize(
    ("values", "running", "computed"),
    [
        ([1.0, 2.0], [True, True], False),
        ([1.0, -2.0], [True, True], True),
        ([1.0, -2.0], [True, False], False),  # a lane that is idle or has finished
        ([1.0, -2.0], [False, True], True),
    ],
)
def test_the_rare_branch_is_computed_only_if_a_lane_at_work_takes_it(values, running, computed):
    seen = []

    def noting(x):
        jax.debug.callback(lambda: seen.append(1))
        return -x

    def step(x):
        # Inside of a branch that all lanes compute, as in a step of a kernel.
        return jax.lax.cond(x != 0, lambda: rarely(x < 0, lambda: noting(x), lambda: x), lambda: x)

    found = jax.jit(lambda x: in_lanes(step, jnp.array(running), x))(jnp.array(values))
    jax.effects_barrier()
    for value, counts, result in zip(values, running, found, strict=True):
        assert not counts or result == abs(value)
    assert bool(seen) == computed
