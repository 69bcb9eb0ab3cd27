"""Eigenvector-following: up one direction, down the others, and when it is given up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from lane_runs import in_order, results_of
from reference_networks import small_landscape

from lossatlas.errors import Status
from lossatlas.kernels.dense.climb import Climb, inverse_of_stiff
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.tools import default_tools
from lossatlas.search.transition_states import from_the_middle


def bowl(w):
    return w @ w


def double_well(w):
    """Minima at x = 1 and -1, a saddle at 0; stiff in y."""
    return (w[0] ** 2 - 1) ** 2 + 0.1 * w[0] * w[1] + 5.0 * w[1] ** 2


BOWL = FunctionLandscape(bowl, [-1, -1], [1, 1])
WELLS = FunctionLandscape(double_well, [-2, -1], [2, 1], symmetry=np.array([np.eye(2), -np.eye(2)]))


@pytest.mark.parametrize(("most", "spent"), [(12, 12), (50, 40)])
def test_a_climb_without_negative_curvature_is_given_up(most, spent):
    kernel = Climb(max_convex=most, max_hessians=40)
    (climb,) = results_of(BOWL.surface, kernel, [(np.array([0.1, 0.0]), np.array([1.0, 0.0]))])
    assert (climb.status, climb.hessians) == (Status.TOO_MANY_STEPS, spent)
    assert climb.w[0] > 0.1


def test_from_the_middle_between_copies_to_the_saddle_between_them():
    tools = default_tools(WELLS)
    minimum = np.array([1.0, -0.01])
    (found,) = in_order(Engine(WELLS.surface), [from_the_middle(tools, minimum, -minimum)])
    (pathway,) = found.pathways
    assert [end.side for end in pathway.ends] == [0, 1]
    np.testing.assert_allclose(pathway.transition_state.weights, 0.0, atol=1e-9)
    low, high = (end.minimum for end in pathway.ends)
    np.testing.assert_allclose(low.invariants, high.invariants, atol=1e-8)
    # Its paths are mirror images, so one stands for both.
    np.testing.assert_allclose(WELLS.nearest_copy(low.weights, -high.weights), -high.weights)


def test_two_minima_at_one_place_have_no_middle():
    tools, minimum = default_tools(WELLS), np.array([1.0, 0.0])
    (found,) = in_order(Engine(WELLS.surface), [from_the_middle(tools, minimum, minimum)])
    assert found.status is Status.NO_CANDIDATE
    assert found.failures == {Status.NO_CANDIDATE: 1}


def test_the_mode_followed_has_no_part_along_the_excluded_ones():
    """Along the softmax shift the loss is a parabola: a climb that followed it would never end."""
    landscape = small_landscape((3,))
    random = np.random.default_rng(3)
    w = landscape.random_start(random) / 5
    shift = landscape.excluded_modes[0]
    other = random.normal(size=landscape.n_weights)
    other -= landscape.excluded_modes.T @ (landscape.excluded_modes @ other)
    kernel = Climb(max_hessians=1)
    (climb,) = results_of(landscape.surface, kernel, [(w, 0.999 * shift + 0.04 * other)])
    assert np.linalg.norm(landscape.excluded_modes @ climb.mode) < 0.5
    assert jnp.linalg.norm(climb.mode) == pytest.approx(1.0)


def test_the_lowest_mode_is_followed_whatever_direction_was_asked_for():
    """Two negative curvatures, and a stiff direction that the climb is sent along."""
    ridge = FunctionLandscape(
        lambda w: -2.0 * w[0] ** 2 - w[1] ** 2 + 50.0 * w[2] ** 2 + w[0] ** 4 + w[1] ** 4,
        [-2, -2, -1],
        [2, 2, 1],
    )
    start, stiff = np.array([0.1, 0.2, 0.05]), np.array([0.0, 0.0, 1.0])
    (climb,) = results_of(ridge.surface, Climb(max_hessians=1), [(start, stiff)])
    assert np.argmax(np.abs(climb.mode)) == 0
    (climb,) = results_of(ridge.surface, Climb(), [(start, stiff)])
    assert climb.status == Status.CONVERGED
    np.testing.assert_allclose(np.abs(climb.w), [0.0, np.sqrt(0.5), 0.0], atol=1e-3)


def test_without_negative_curvature_a_soft_mode_is_preferred_to_a_stiff_one_that_is_nearer():
    """Two soft modes: the one that the direction has most of, though not the softest."""
    bowl = FunctionLandscape(
        lambda w: 0.5 * w @ (jnp.array([1e-3, 2e-3, 1.0]) * w), [-1] * 3, [1] * 3
    )
    start = np.array([0.1, 0.2, 0.05])
    for direction, followed in (([0.1, 0.5, 0.8], 1), ([0.5, 0.5, 0.7], 0), ([0, 0, 1.0], 2)):
        job = (start, np.array(direction))
        (climb,) = results_of(bowl.surface, Climb(max_hessians=1), [job])
        assert np.argmax(np.abs(climb.mode)) == followed


def test_among_modes_whose_curvature_is_rounding_error_none_is_softer():
    """Both count as equally soft, so the direction decides."""
    nearly_flat = FunctionLandscape(
        lambda w: 0.5 * w @ (jnp.array([1e-12, 1e-9, 1.0]) * w), [-1] * 3, [1] * 3
    )
    job = (np.array([0.1, 0.2, 0.0]), np.array([0.5, 0.6, 0.1]))
    (climb,) = results_of(nearly_flat.surface, Climb(max_hessians=1), [job])
    assert np.argmax(np.abs(climb.mode)) == 1


CURVATURES = st.floats(1e-9, 1e3) | st.floats(-1e3, -1e-9) | st.just(0.0)


@settings(deadline=None)
@given(
    st.lists(CURVATURES, min_size=1, max_size=6),
    st.floats(1e-3, 1.0),
    st.sampled_from([1e-20, 1.0, 1e20]),
)
def test_the_filter_is_newtons_in_stiff_directions_and_vanishes_in_soft_ones(values, part, unit):
    """Whatever the unit of curvatures is: lambda^3 / (lambda^4 + tau^4), zero where negative."""
    eigenvalues = np.sort(values)
    with jax.enable_x64(True):
        found = unit * np.asarray(inverse_of_stiff(jnp.asarray(unit * eigenvalues), part))
    assert np.isfinite(found).all()
    tau = part * max(eigenvalues[-1], 1e-9)
    for inverse, value in zip(found, eigenvalues, strict=True):
        if value <= 0:
            assert inverse == 0.0
        elif value >= 10 * tau:
            assert inverse == pytest.approx(1 / value, rel=1.01e-4)
        else:
            # Largest at 3^(1/4) tau.
            assert 0.0 <= inverse <= 0.57 / tau
            assert inverse <= value**3 / tau**4 * (1 + 1e-9)


def test_a_step_is_followed_by_steps_back_to_the_floor_of_the_valley():
    """The floor is w1 = sin(3 w0); where the climb goes up along the stiff direction it stays."""
    valley = FunctionLandscape(
        lambda w: 0.5 * jnp.cos(w[0]) + 200.0 * (w[1] - jnp.sin(3.0 * w[0])) ** 2, [-3, -2], [3, 2]
    )
    floor = np.array([0.8, np.sin(2.4)])
    with jax.enable_x64(True):
        values, vectors = jnp.linalg.eigh(valley.surface.hessian(jnp.asarray(floor)))
        wall = floor + 0.05 * np.asarray(vectors[:, 1])
        both, soft_only = (
            np.asarray(
                Climb()._corrected(
                    valley.surface, jnp.asarray(wall), (values, vectors, down), jnp.asarray(1.0)
                )
            )
            for down in (jnp.array([True, True]), jnp.array([True, False]))
        )
    height = abs(both[1] - np.sin(3.0 * both[0]))
    assert height < 0.1 * abs(wall[1] - np.sin(3.0 * wall[0]))
    assert np.linalg.norm(both - floor) < 0.01
    np.testing.assert_array_equal(soft_only, wall)


def test_every_step_of_a_climb_takes_a_gradient_more_for_each_correction():
    start, up = np.array([0.4, 0.05]), np.array([-1.0, 0.0])
    for corrections in (0, 2):
        (climb,) = results_of(WELLS.surface, Climb(corrections=corrections), [(start, up)])
        assert climb.status == Status.CONVERGED
        assert climb.gradients == (1 + corrections) * climb.hessians
