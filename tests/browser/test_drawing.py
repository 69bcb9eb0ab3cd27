import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lossatlas.atlas import Atlas
from lossatlas.browser import evaluation
from lossatlas.browser.drawing import (
    GRID,
    MOST_LINES,
    decision_map,
    probabilities,
    profile,
    straight,
    wires,
)
from lossatlas.landscape.architecture import Architecture
from lossatlas.studies.problem import landscape_of


@pytest.fixture(scope="module")
def opened(network_atlas):
    with Atlas.open(network_atlas) as atlas:
        yield atlas, landscape_of(atlas.problem)


def test_the_network_drawn_gives_the_outputs_of_the_landscape(opened):
    """Propagate through the lines and nodes of the drawing by hand."""
    atlas, landscape = opened
    (w,) = atlas.minimum_weights([1])
    drawn = wires(landscape.architecture, w)
    places = {pair: k for k, pair in enumerate(zip(drawn.node_x, drawn.node_y, strict=True))}
    inputs = np.array([0.3, -0.7])
    values = np.zeros(len(places))
    values[drawn.node_x == 0] = inputs
    last = drawn.node_x.max()
    for layer in range(1, int(last) + 1):
        sums = np.nan_to_num(drawn.node_bias)
        for x0, y0, x1, y1, weight in zip(*drawn[3:], strict=True):
            if x1 == layer:
                sums[places[x1, y1]] += weight * values[places[x0, y0]]
        here = drawn.node_x == layer
        values[here] = sums[here] if layer == last else np.tanh(sums[here])
    outputs = landscape.logits(w, inputs[None])[0, 0]
    np.testing.assert_allclose(values[drawn.node_x == last], outputs, atol=1e-12)


def test_of_a_wide_network_the_largest_weights_are_drawn():
    architecture = Architecture((40, 60, 30))
    w = np.random.default_rng(0).normal(size=architecture.n_weights)
    drawn = wires(architecture, w)
    weights = w[: 40 * 60 + 60 * 30]
    assert drawn.weight.size == MOST_LINES
    np.testing.assert_array_equal(
        np.sort(np.abs(drawn.weight)), np.sort(np.abs(weights))[-MOST_LINES:]
    )


def test_a_mask_leaves_its_weights_out():
    masks = (((True, False), (True, True)), ((True, True),))
    drawn = wires(Architecture((2, 2, 1), masks), np.arange(1.0, 9.0))
    assert sorted(drawn.weight) == [1, 2, 3, 4, 5]


def test_the_decision_map_says_what_the_network_says(opened):
    atlas, landscape = opened
    (w,) = atlas.minimum_weights([2])
    inputs = atlas.problem.arrays["train_inputs"]
    found = decision_map(landscape, w, inputs)
    for row, column in ((0, 0), (GRID - 1, 3), (17, GRID - 1)):
        place = found.low + np.array([column, row]) / (GRID - 1) * (found.high - found.low)
        chances = probabilities(landscape, w, place[None])[0]
        assert found.classes[row, column] == chances.argmax()
        assert found.certainty[row, column] == pytest.approx(chances.max())
    assert (found.low < inputs.min(axis=0)).all()
    assert (found.high > inputs.max(axis=0)).all()


def test_probabilities_give_the_auc_of_the_atlas(opened):
    atlas, landscape = opened
    arrays, frame = atlas.problem.arrays, atlas.minima()
    for row in frame.itertuples():
        (w,) = atlas.minimum_weights([row.id])
        chances = probabilities(landscape, w, arrays["train_inputs"])
        area = roc_auc_score(arrays["train_labels"] == 0, chances[:, 0])
        assert area == pytest.approx(row.train_auc)


def test_a_profile_runs_through_the_points_of_the_path(opened):
    atlas, landscape = opened
    network = atlas.network(with_weights=True)
    a, b = int(network.minimum_ids[0]), int(network.minimum_ids[-1])
    points = network.path(a, b)
    minima = [point.id for point in points if point.kind == "minimum"]
    states = [point.id for point in points if point.kind != "minimum"]
    weights = atlas.minimum_weights(minima), atlas.transition_state_weights(states)
    found = profile(network, (a, b), weights, landscape)
    assert found.ids == [point.id for point in points]
    assert found.losses.max() == network.barrier(a, b)
    np.testing.assert_allclose(evaluation.losses(landscape, found.weights), found.losses)
    plain = profile(network, (a, b), weights, None)
    assert (np.diff(found.distances) <= np.diff(plain.distances) + 1e-9).all()
    distances, along = straight(found)
    assert (np.diff(distances) >= 0).all()
    np.testing.assert_array_equal(along[-1], found.weights[-1])
    values = evaluation.losses(landscape, along)
    assert values.max() >= found.losses.max() - 1e-9
    assert profile(network, (a, a), (weights[0][:1], weights[1][:0]), landscape).distances == [0.0]


def test_the_spectrum_is_that_of_the_hessian_by_finite_differences(opened):
    import jax

    atlas, landscape = opened
    (w,) = atlas.minimum_weights([1])
    values = evaluation.spectrum(landscape, w)
    with jax.enable_x64(True):
        gradient = jax.jit(lambda x: landscape.surface.value_and_gradient(x)[1])
        steps = 1e-5 * np.eye(w.size)
        hessian = [(np.asarray(gradient(w + s)) - gradient(w - s)) / 2e-5 for s in steps]
    np.testing.assert_allclose(values, np.linalg.eigvalsh(np.array(hessian)), atol=1e-7)
    assert evaluation.spectrum(landscape, np.zeros(evaluation.LARGEST + 1)) is None
