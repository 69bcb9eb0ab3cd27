"""Caps, bounded Newton steps, trust radii and time steps, against their definitions."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.kernels.step_control import (
    PathSteps,
    TrustRadius,
    bounded_newton,
    capped,
    carried,
    rms,
)

numbers = st.floats(1e-6, 1e6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=3, max_size=3), numbers)
def test_a_capped_step_keeps_its_direction_and_is_no_longer_than_the_cap(values, longest):
    step = np.array(values)
    found, length = np.asarray(capped(jnp.asarray(step), longest)), np.linalg.norm(step)
    if length <= longest:
        np.testing.assert_array_equal(found, step)
    else:
        np.testing.assert_allclose(found, step * (longest / length), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(rms(jnp.asarray(step)), length / np.sqrt(3), rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.floats(-1e6, 1e6), numbers)
def test_a_bounded_newton_step_is_the_newton_step_where_that_is_short(slope, size):
    length = float(bounded_newton(jnp.asarray(slope), jnp.asarray(size)))
    newton = slope / size
    assert abs(length) <= min(1.0, abs(newton)) * (1 + 1e-12)
    assert length * slope >= 0
    if abs(newton) < 1e-4:
        assert length == pytest.approx(newton, rel=1e-7)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(0.1, 2.0), (0.5, 1.0), (0.9, 1.0), (1.1, 0.5), (np.nan, 1.0), (np.inf, 0.5)],
)
def test_a_trust_radius_grows_shrinks_or_stays(error, expected):
    trust = TrustRadius(good=0.5, bad=1.0, growth=2.0)
    assert trust.after(jnp.asarray(1.0), jnp.asarray(error), 4.0) == expected
    assert trust.after(jnp.asarray(3.9), jnp.asarray(0.0), 4.0) == 4.0
    assert trust.after(jnp.asarray(trust.smallest), jnp.asarray(2.0), 4.0) == trust.smallest


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.floats(-6.0, 6.0), st.floats(-6.0, 6.0))
def test_the_next_time_step_would_just_keep_to_tolerance_and_length(order, error, length):
    """An error that grows with a power of the step, and a distance that grows with it."""
    steps = PathSteps(order=order, safety=0.9, growth=4.0)
    error, length, tolerance = jnp.asarray(10.0**error), jnp.asarray(10.0**length), jnp.asarray(1.0)
    factor = steps.factor(error, length, tolerance, 1.0)
    reached = float(error * (factor / 0.9) ** order), float(length * factor / 0.9)
    assert max(reached) == pytest.approx(1.0)
    assert steps.shrink <= steps.bounded(factor) <= steps.growth


def test_a_step_that_is_not_finite_is_rejected_and_shortened_most():
    steps = PathSteps(order=4, safety=0.9, growth=4.0)
    nan, tolerance = jnp.asarray(jnp.nan), jnp.asarray(1e-2)
    error, length = steps.measured(nan, nan, jnp.asarray(False))
    assert min(error, length) > 1e3
    assert steps.bounded(steps.factor(error, length, tolerance, 0.5)) == steps.shrink
    # Without error and motion the largest growth, and nothing that is not a number.
    zero = jnp.asarray(0.0)
    assert steps.bounded(steps.factor(zero, zero, tolerance, 0.5)) == steps.growth


def test_deviations_follow_the_linearized_flow_and_never_become_nan():
    assert carried(jnp.asarray(2.0), jnp.asarray(0.5)) == pytest.approx(2.0 * np.exp(-0.5))
    assert carried(jnp.asarray(0.0), jnp.asarray(-1e9)) == 0.0
    assert np.isfinite(carried(jnp.asarray(1.0), jnp.asarray(-1e9)))
