"""Signed permutations of hidden units: what they leave alone, and the nearest copy."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from reference_networks import (
    allowed_signed_swaps,
    compiled,
    group_elements,
    newton,
    random_element,
    reference_loss,
    scipy_minimum,
    set_unit,
    small_landscape,
    unit_vector,
)

from lossatlas.landscape import symmetry

UNMASKED = {hidden: small_landscape(hidden) for hidden in [(3,), (6,), (3, 2), (4, 3, 2)]}
MASKED = [
    small_landscape((5,), classes=4, neighbors=1),
    small_landscape((4,), classes=4, neighbors=2),
    small_landscape((2, 3), neighbors=1),
    small_landscape((2, 2, 2), neighbors=1),
]
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(UNMASKED)), seeds)
def test_loss_and_invariants_of_copies_are_equal(hidden, seed):
    landscape, random = UNMASKED[hidden], np.random.default_rng(seed)
    w = random.normal(size=landscape.n_weights)
    copy = random_element(landscape, random)(w)
    assert reference_loss(landscape, copy) == pytest.approx(reference_loss(landscape, w), rel=1e-13)
    np.testing.assert_allclose(landscape.invariants(copy), landscape.invariants(w), atol=1e-13)
    assert np.linalg.norm(copy) == pytest.approx(np.linalg.norm(w), rel=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(range(len(MASKED))), seeds)
def test_loss_and_invariants_of_masked_copies_are_equal(which, seed):
    landscape, random = MASKED[which], np.random.default_rng(seed)
    w = random.normal(size=landscape.n_weights)
    copy = allowed_signed_swaps(landscape, random)(w)
    assert reference_loss(landscape, copy) == pytest.approx(reference_loss(landscape, w), rel=1e-13)
    np.testing.assert_allclose(landscape.invariants(copy), landscape.invariants(w), atol=1e-13)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(UNMASKED)), seeds, st.floats(1e-6, 1e-2))
def test_invariants_of_other_points_differ_by_about_their_distance(hidden, seed, distance):
    landscape, random = UNMASKED[hidden], np.random.default_rng(seed)
    w = random.normal(size=landscape.n_weights)
    step = random.normal(size=landscape.n_weights)
    step -= landscape.excluded_modes.T @ (landscape.excluded_modes @ step)
    other = w + distance * step / np.linalg.norm(step)
    gap = np.abs(landscape.invariants(other) - landscape.invariants(w)).max()
    assert 1e-4 * distance < gap < 10 * distance


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(UNMASKED)), seeds, st.floats(0, 0.3))
def test_nearest_copy_is_a_copy_and_not_farther(hidden, seed, noise):
    landscape, random = UNMASKED[hidden], np.random.default_rng(seed)
    w, other = random.normal(size=(2, landscape.n_weights))
    nearest = landscape.nearest_copy(w, other)
    np.testing.assert_allclose(landscape.invariants(nearest), landscape.invariants(w), atol=1e-13)
    assert np.linalg.norm(nearest - other) <= np.linalg.norm(w - other) + 1e-12
    moved = random_element(landscape, random)(w)
    if len(hidden) == 1:
        target = w + noise * random.normal(size=len(w))
        distance = np.linalg.norm(landscape.nearest_copy(moved, target) - target)
        assert distance <= np.linalg.norm(w - target) + 1e-12


@pytest.mark.parametrize("neighbors", [0, 1, 2])
def test_nearest_copy_of_one_layer_is_exact(neighbors):
    landscape = small_landscape((3,), neighbors=neighbors)
    elements = list(group_elements(landscape))
    random = np.random.default_rng(neighbors)
    for _ in range(25):
        w, target = random.normal(size=(2, landscape.n_weights))
        copies = [sign * w[index] for index, sign in elements]
        best = min(np.linalg.norm(copy - target) for copy in copies)
        found = landscape.nearest_copy(w, target)
        assert np.linalg.norm(found - target) == pytest.approx(best, rel=1e-13)
        assert min(np.abs(copy - found).max() for copy in copies) < 1e-15


@pytest.mark.parametrize("hidden", [(2, 2), (3, 2), (5, 5), (4, 4, 4), (8, 8, 8)])
def test_nearest_copy_of_a_deep_network_undoes_what_was_done(hidden):
    """Not exact for deep networks; but a hidden copy of a network nearby is found mostly."""
    landscape, random = small_landscape(hidden), np.random.default_rng(0)
    undone = np.zeros(2, int)
    for _ in range(40):
        w = random.normal(size=landscape.n_weights)
        moved = random_element(landscape, random)(w)
        undone[0] += np.linalg.norm(landscape.nearest_copy(moved, w) - w) < 1e-12
        target = w + 0.1 * random.normal(size=len(w))
        found = np.linalg.norm(landscape.nearest_copy(moved, target) - target)
        undone[1] += found < np.linalg.norm(w - target) + 1e-12
    assert undone[0] == 40
    assert undone[1] >= 36


def equal_and_zero_units(hidden, seed=0):
    """A point with equal units (one of opposite sign) and a zero unit in the first layer."""
    landscape = small_landscape(hidden)
    w = np.random.default_rng(seed).normal(size=landscape.n_weights)
    w = set_unit(landscape, w, 0, 1, unit_vector(landscape, w, 0, 0))
    w = set_unit(landscape, w, 0, 2, -unit_vector(landscape, w, 0, 0))
    return landscape, set_unit(landscape, w, 0, 3, 0.0 * unit_vector(landscape, w, 0, 3))


def test_equal_and_zero_units_are_recognized():
    landscape, w = equal_and_zero_units((5,))
    groups = symmetry.equal_units(landscape.symmetry.layers[0], w)
    assert [group.members() for group in groups] == [
        [(0, 1.0), (1, 1.0), (2, -1.0)], [(3, 1.0)], [(4, 1.0)],
    ]  # fmt: skip
    assert [group.zero for group in groups] == [False, True, False]


@given(
    weights=hnp.arrays(float, (4, 3), elements=st.sampled_from([0.0, 1.0, -1.0, 2.0, 1.0 + 3e-7])),
    turning=hnp.arrays(bool, 3),
)
def test_groups_are_those_of_all_distances(weights, turning):
    """Units are equal or opposite by their largest difference, whatever their lengths are."""
    layer = symmetry.UnitLayer(np.arange(12).reshape(4, 3), turning, np.ones((4, 4), bool))
    turned = np.where(turning, -weights, weights)
    alike, opposite = (
        np.abs(weights[:, None] - other[None]).max(axis=2) < symmetry.EQUAL
        for other in (weights, turned)
    )
    expected = symmetry.groups_of(alike, opposite & turning.any())
    found = symmetry.equal_units(layer, weights.ravel())
    assert [(g.members(), g.zero) for g in found] == [(g.members(), g.zero) for g in expected]


def test_symmetrizer_projects_onto_the_symmetric_subspace():
    landscape, w = equal_and_zero_units((4, 2))
    projector = dense(landscape, w) @ np.eye(landscape.n_weights)
    np.testing.assert_allclose(projector @ projector, projector, atol=1e-14)
    np.testing.assert_allclose(projector, projector.T, atol=1e-14)
    np.testing.assert_allclose(projector @ w, w, atol=1e-14)
    loss, hessian = compiled(landscape)
    curvature = hessian(w)
    np.testing.assert_allclose(projector @ curvature, curvature @ projector, atol=1e-14)
    gradient = loss(w)[1]
    np.testing.assert_allclose(projector @ gradient, gradient, atol=1e-14)
    # Two equal units are lost against the first, and one is zero.
    assert np.trace(projector) == pytest.approx(
        landscape.n_weights - 3 * landscape.symmetry.layers[0].positions.shape[1]
    )


def test_symmetrizer_is_the_average_over_the_stabilizer():
    landscape, w = equal_and_zero_units((4,))
    mean, order = stabilizer_average(landscape, w)
    assert order == 3 * 2 * 2
    np.testing.assert_allclose(dense(landscape, w), mean, atol=1e-14)


@pytest.mark.parametrize("zero", [False, True])
def test_symmetrizer_of_two_layers_is_the_average_over_the_stabilizer(zero):
    landscape = small_landscape((2, 2))
    w = np.random.default_rng(1).normal(size=landscape.n_weights)
    for layer, sign in ((0, -1.0), (1, 1.0)):
        partner = 0.0 if zero and layer == 0 else sign
        w = set_unit(landscape, w, layer, 1, partner * unit_vector(landscape, w, layer, 0))
    # The second layer's change has to be undone in the weights between the layers.
    w = project(w, stabilizer_average(landscape, w)[0])
    mean, order = stabilizer_average(landscape, w)
    assert order >= 4
    np.testing.assert_allclose(dense(landscape, w), mean, atol=1e-14)


def test_symmetrizer_applies_to_jax_vectors_and_to_columns():
    landscape, w = equal_and_zero_units((4, 2))
    operator, matrix = landscape.symmetrizer(w), dense(landscape, w)
    vectors = np.random.default_rng(0).normal(size=(landscape.n_weights, 3))
    np.testing.assert_allclose(operator @ vectors, matrix @ vectors, atol=1e-14)
    np.testing.assert_allclose(operator @ vectors[:, 0], matrix @ vectors[:, 0], atol=1e-14)
    compiled_product = jax.jit(lambda p, v: p @ v)
    np.testing.assert_allclose(compiled_product(operator, vectors), matrix @ vectors, atol=1e-14)


def dense(landscape, w):
    return landscape.symmetrizer(w) @ np.eye(landscape.n_weights)


def project(w, matrix):
    return matrix @ w


def stabilizer_average(landscape, w):
    """The mean of all symmetries that leave w where it is, and their number."""
    mean, order = np.zeros((landscape.n_weights,) * 2), 0
    for index, sign in group_elements(landscape):
        if np.abs(sign * w[index] - w).max() < 1e-12:
            order += 1
            mean[np.arange(len(w)), index] += sign
    return mean / order, order


def test_symmetrizer_without_symmetry_is_the_identity():
    for landscape in [*UNMASKED.values(), *MASKED]:
        w = np.random.default_rng(1).normal(size=landscape.n_weights)
        identity = np.eye(landscape.n_weights)
        np.testing.assert_array_equal(landscape.symmetrizer(w) @ identity, identity)


def test_symmetrizer_at_units_equal_in_two_layers():
    """Both layers symmetric; the average over the stabilizer commutes with the Hessian."""
    landscape, w = equal_and_zero_units((4, 2))
    w = set_unit(landscape, w, 1, 1, unit_vector(landscape, w, 1, 0))
    projector = dense(landscape, w) @ np.eye(landscape.n_weights)
    np.testing.assert_allclose(projector @ projector, projector, atol=1e-14)
    np.testing.assert_allclose(projector @ w, w, atol=1e-14)
    _, hessian = compiled(landscape)
    curvature = hessian(w)
    np.testing.assert_allclose(projector @ curvature, curvature @ projector, atol=1e-13)


def test_symmetrizer_of_a_swap_in_two_layers_at_once():
    """Units (a, b) of one layer and (c, d) of the next change places together."""
    landscape = small_landscape((2, 2))
    w = joint_swap_point(landscape)
    mean, order = stabilizer_average(landscape, w)
    assert order == 2
    np.testing.assert_allclose(dense(landscape, w), mean, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([(3,), (2, 2), (3, 2), (2, 2, 2)]), st.integers(0, 2), st.data())
def test_symmetrizer_is_the_average_over_the_stabilizer_of_any_point(hidden, neighbors, data):
    """Weights from very few values make points of every kind of symmetry."""
    landscape = small_landscape(hidden, neighbors=neighbors)
    n = landscape.n_weights
    values = st.sampled_from([0.0, 0.0, 1.0, -1.0])
    w = np.array(data.draw(st.lists(values, min_size=n, max_size=n)))
    np.testing.assert_allclose(dense(landscape, w), stabilizer_average(landscape, w)[0], atol=1e-13)


def test_symmetrizer_of_a_swap_that_keeps_the_mask_only_in_two_layers_at_once():
    """With five units a layer and one neighbor, two units of each layer change places together."""
    landscape = small_landscape((5, 5), classes=4, neighbors=1)
    assert landscape.group_order == 2 * 2**10
    free = landscape.architecture.free
    full = np.zeros(landscape.architecture.n_full)
    full[free] = np.random.default_rng(0).normal(size=landscape.n_weights)
    numbers = np.zeros(landscape.architecture.n_full)
    numbers[free] = 1 + np.arange(landscape.n_weights)
    into, between, out = np.split(numbers[:55], [10, 35])
    into, between, out = into.reshape(5, 2), between.reshape(5, 5), out.reshape(4, 5)
    biases, outputs = numbers[55:65].reshape(2, 5), numbers[65:]
    swaps = [
        (a, b, c, d)
        for a, b in itertools.combinations(range(5), 2)
        for c, d in itertools.combinations(range(5), 2)
    ]
    found = []
    for a, b, c, d in swaps:
        first, second = np.arange(5), np.arange(5)
        first[[a, b]], second[[c, d]] = (b, a), (d, c)
        moved = np.concatenate(
            [
                into[first].ravel(),
                between[second][:, first].ravel(),
                out[:, second].ravel(),
                biases[0][first],
                biases[1][second],
                outputs,
            ]
        )
        if ((moved > 0) == (numbers > 0)).all():
            found.append(moved[free].astype(int) - 1)
    assert len(found) == 1
    w = full[free]
    w = 0.5 * (w + w[found[0]])
    identity = np.eye(landscape.n_weights)
    np.testing.assert_allclose(dense(landscape, w), 0.5 * (identity + identity[found[0]]))


def test_orbit_of_a_swap_in_two_layers_at_once():
    landscape = small_landscape((2, 2))
    assert landscape.orbit_size(joint_swap_point(landscape)) == landscape.group_order // 2


def joint_swap_point(landscape):
    """A point that exchanging the units of both hidden layers at once leaves where it is."""
    w = np.random.default_rng(0).normal(size=landscape.n_weights)
    biases = [layer.positions[:, 2] for layer in landscape.symmetry.layers]
    for index, sign in group_elements(landscape):
        if (sign > 0).all() and all((index[place] == place[::-1]).all() for place in biases):
            return 0.5 * (w + w[index])
    raise AssertionError("no joint swap")


def test_gradient_flow_keeps_equal_units_equal():
    """The minimum inside the subspace, by Newton's method there, is stationary outside as well."""
    landscape = small_landscape((3,))
    loss, hessian = compiled(landscape)
    w = scipy_minimum(landscape.random_start(np.random.default_rng(0)), loss, hessian)
    w = set_unit(landscape, w, 0, 1, unit_vector(landscape, w, 0, 0))
    projector = dense(landscape, w) @ np.eye(landscape.n_weights)
    for _ in range(2000):
        w = w - 0.5 * loss(w)[1]
    np.testing.assert_allclose(projector @ w, w, atol=1e-12)
    w = projector @ newton(w, loss, hessian)
    assert np.abs(loss(w)[1]).max() < 1e-13
    assert len(symmetry.equal_units(landscape.symmetry.layers[0], w)[0]) >= 2


@pytest.mark.parametrize(
    "landscape",
    [UNMASKED[3,], UNMASKED[4, 3, 2], *MASKED],
    ids=lambda x: str(x.architecture.widths),
)
def test_neighbor_copies_are_other_copies(landscape):
    w = np.random.default_rng(2).normal(size=landscape.n_weights)
    copies = landscape.neighbor_copies(w)
    assert len(copies) >= len(landscape.symmetry.layers)
    for copy in copies:
        assert np.linalg.norm(copy - w) > 1e-2
        np.testing.assert_allclose(landscape.invariants(copy), landscape.invariants(w), atol=1e-13)
    for a, b in itertools.combinations(copies, 2):
        assert np.linalg.norm(a - b) > 1e-6


def test_neighbor_copies_are_the_nearest_of_their_kind():
    landscape = UNMASKED[3,]
    w = np.random.default_rng(3).normal(size=landscape.n_weights)
    distances = sorted(
        np.linalg.norm(sign * w[index] - w)
        for index, sign in group_elements(landscape)
        if not (np.array_equal(index, np.arange(len(w))) and (sign > 0).all())
    )
    found = sorted(np.linalg.norm(copy - w) for copy in landscape.neighbor_copies(w))
    assert found[0] == pytest.approx(distances[0])


def test_breaking_directions_set_a_unit_apart():
    """In the degenerate modes of k equal units: one direction for a unit, one for a pair."""
    landscape, w = equal_and_zero_units((5,))
    layer = landscape.symmetry.layers[0]
    projector = dense(landscape, w) @ np.eye(landscape.n_weights)
    width = layer.positions.shape[1]
    base = np.random.default_rng(4).normal(size=width)
    span = []
    for weights in ([1, -1, 0], [1, 1, -2]):
        direction = np.zeros(landscape.n_weights)
        for unit, (weight, sign) in enumerate(zip(weights, [1, 1, -1], strict=True)):
            direction[layer.positions[unit]] = weight * sign * base
        span.append(direction / np.linalg.norm(direction))
    angle = 0.7
    modes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) @ span
    directions = landscape.breaking_directions(w, modes)
    assert len(directions) == 2
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(directions @ projector, 0.0, atol=1e-12)
    shares = np.stack([directions[:, layer.positions[unit]] @ base for unit in range(3)], axis=1)
    shares *= [1, 1, -1]
    apart = shares[0] / shares[0, np.argmax(np.abs(shares[0]))]
    np.testing.assert_allclose(np.sort(apart), [-0.5, -0.5, 1.0], atol=1e-12)
    pair = shares[1] / np.abs(shares[1]).max()
    np.testing.assert_allclose(np.sort(np.abs(pair)), [0.0, 1.0, 1.0], atol=1e-12)
    assert pair.sum() == pytest.approx(0.0, abs=1e-12)
