"""What of a model is trained: its arrays of floating point, and of Flax Linen "params"."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lossatlas.errors import BadInputError
from lossatlas.landscape.model_adapters import adapted

X = np.random.default_rng(0).normal(size=(5, 2))


def chosen(p, x):
    """Columns of the inputs by whole numbers, a power by a plain one, a mask."""
    return (x[:, p["columns"]] ** p["power"] * p["kept"]) @ p["w"]


@pytest.mark.parametrize("library", [np, jnp])
def test_whole_numbers_stay_as_they_are(library):
    columns, kept = library.array([1, 0, 1]), library.array([True, False, True])
    weights = library.array([[1.0], [2.0], [3.0]], dtype=np.float32)
    fixed = {"columns": columns, "kept": kept, "power": 2, "kind": "chosen", "none": None}
    model = adapted((chosen, {**fixed, "w": weights}))
    assert model.start.tolist() == [1.0, 2.0, 3.0]
    assert [leaf.path for leaf in model.leaves] == ["['w']"]
    with jax.enable_x64(True):
        outputs, rebuilt = model.apply(jnp.asarray(2 * model.start), X), model.rebuilt(model.start)
    np.testing.assert_allclose(outputs[:, 0], 8 * X[:, 1] ** 2, atol=1e-14)
    assert rebuilt["columns"].tolist() == [1, 0, 1]
    assert rebuilt["columns"].dtype.kind == "i"
    assert rebuilt["power"] == 2
    assert rebuilt["kind"] == "chosen"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"w": np.ones(2, int)}, "no parameters"), ({"w": np.ones(2, complex)}, "complex")],
)
def test_what_cannot_be_trained_is_refused(parameters, words):
    with pytest.raises(BadInputError, match=words):
        adapted((lambda p, x: x @ p["w"], parameters))


def test_of_flax_variables_only_params_are_trained():
    nn = pytest.importorskip("flax.linen", reason="the extra flax is not installed")

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.BatchNorm(use_running_average=True)(nn.Dense(3)(x))

    variables = Model().init(jax.random.PRNGKey(0), jnp.ones((1, 2)))
    statistics = jax.tree.map(lambda x: x + 1.5, variables["batch_stats"])
    model = adapted((Model(), {**variables, "batch_stats": statistics}))
    assert len(model.start) == 2 * 3 + 3 + 3 + 3  # a matrix, biases, scales and shifts
    with jax.enable_x64(True):
        rebuilt = model.rebuilt(jnp.asarray(model.start + 1.0))
    held = rebuilt["batch_stats"]["BatchNorm_0"]
    np.testing.assert_array_equal(held["mean"], 1.5 * np.ones(3))
    np.testing.assert_array_equal(held["var"], 2.5 * np.ones(3))
    with pytest.raises(BadInputError, match="no collection 'params'"):
        adapted((Model(), variables["params"]))
