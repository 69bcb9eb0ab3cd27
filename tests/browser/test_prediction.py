"""Figures of networks that predict numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Problem
from lossatlas.landscape import NetworkLandscape

pytest.importorskip("bokeh", reason="Bokeh is not installed")

from lossatlas.browser.prediction import MOST_OUTPUTS, prediction_figures
from lossatlas.browser.served import ServedAtlas

SHIFT, FACTOR = np.array([150.0, -3.0]), np.array([80.0, 0.5])


@pytest.fixture
def served(tmp_path):
    """An atlas of ten items with two numbers each, as it is served."""
    random = np.random.default_rng(0)
    arrays = {
        f"{group}_{name}": random.normal(size=(10, size))
        for group in ("train", "test")
        for name, size in (("inputs", 3), ("targets", 2))
    }
    scaling = {"shift": SHIFT.tolist(), "factor": FACTOR.tolist()}
    about = {"targets": ["$mass$", "charge"], "target_scaling": scaling}
    Atlas.create(tmp_path / "numbers.atlas", Problem({"network": "numbers"}, about, arrays)).close()
    served = ServedAtlas(str(tmp_path / "numbers.atlas"))
    inputs, targets = arrays["train_inputs"], arrays["train_targets"]
    served.landscape = NetworkLandscape(inputs, targets, (2,), 1e-3, loss="mean-squared-error")
    yield served
    served.atlas.close()


def points(figure) -> np.ndarray:
    data = figure.renderers[-1].data_source.data
    return np.array([data["x"], data["y"]])


def test_predictions_are_drawn_against_the_numbers_in_their_units(served):
    w = np.linspace(-1.0, 2.0, 14)  # the matrices (2, 3) and (2, 2), and then their biases
    figures = prediction_figures(served, w)
    arrays = served.atlas.problem.arrays
    hidden = np.tanh(arrays["test_inputs"] @ w[:6].reshape(2, 3).T + w[10:12])
    outputs = hidden @ w[6:10].reshape(2, 2).T + w[12:]
    for k, figure in enumerate(figures):
        known = FACTOR[k] * arrays["test_targets"][:, k] + SHIFT[k]
        np.testing.assert_allclose(points(figure), [known, FACTOR[k] * outputs[:, k] + SHIFT[k]])
    names = [figure.xaxis[0].axis_label for figure in figures]
    assert names == ["\uff04mass\uff04", "charge"]  # not a formula
    assert figures[0].title.text == "Predictions, test items"


def test_a_classifier_and_a_function_predict_no_numbers():
    for landscape in (None, object()):
        nothing = SimpleNamespace(targets=lambda group: None, landscape=landscape)
        assert prediction_figures(nothing, np.ones(3)) == []


def test_of_many_numbers_the_first_are_drawn(served):
    targets = served.targets("train")
    wide = targets._replace(scaled=np.zeros((10, 9)), shift=np.array(0.0), factor=np.array(1.0))
    outputs = SimpleNamespace(outputs=lambda w, inputs: np.ones((1, 10, 9)))
    many = SimpleNamespace(targets=lambda group: wide, landscape=outputs)
    figures = prediction_figures(many, np.ones(3))
    assert [f.xaxis[0].axis_label for f in figures] == [
        f"output {k}" for k in range(1, MOST_OUTPUTS + 1)
    ]
