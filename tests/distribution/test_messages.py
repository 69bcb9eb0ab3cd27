"""What workers can be sent that they cannot import."""

import pickle
import sys
from importlib.util import find_spec
from types import ModuleType

import jax
import numpy as np
import pytest

from lossatlas.distribution import messages
from lossatlas.distribution.messages import OWN_MODULES, packed, unpacked
from lossatlas.errors import BadInputError

NAME = f"{OWN_MODULES}of_these_tests"
FILE = """
import jax.numpy as jnp
import numpy as np
import lossatlas as la
from lossatlas.parts.activation import Activation

x = np.random.default_rng(0).normal(size=(8, 2))

def value(z): return z / jnp.sqrt(1 + z * z)
def slope(z, a): return (1 + z * z) ** -1.5
def curvature(z, a): return -3 * z * (1 + z * z) ** -2.5
def log_cosh(outputs, target): return jnp.log(jnp.cosh(outputs - target)).sum()
def model(p, x): return jnp.tanh(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]
def bowl(w): return w @ w

own = Activation("algebraic", value, slope, curvature, odd=True)
of_lambda = Activation("algebraic", lambda z: value(z), slope, curvature, odd=True)
start = {"w1": np.ones((2, 1)), "b1": np.ones(1), "w2": np.ones((1, 1)), "b2": np.ones(1)}
landscapes = {
    "activation": la.NetworkLandscape(x, np.arange(8) % 2, (1,), 0.01, activation=own),
    "lambda": la.NetworkLandscape(x, np.arange(8) % 2, (1,), 0.01, activation=of_lambda),
    "zeros": la.NetworkLandscape(x * [1, 0], np.arange(8) % 2, (1,), 0.01, activation=own),
    "loss": la.ModelLandscape((model, start), log_cosh, (x, x[:, 0]), l2=5e-2),
    "function": la.FunctionLandscape(bowl, [-1, -1], [1, 1], "bowl"),
}
"""


@pytest.fixture(scope="module")
def own_module():
    module = ModuleType(NAME)
    sys.modules[NAME] = module
    exec(FILE, vars(module))
    yield module
    sys.modules.pop(NAME, None)


@pytest.fixture
def elsewhere(own_module):
    """Forget the module, as in another process; afterwards it is known again."""
    yield lambda: sys.modules.pop(NAME)
    sys.modules[NAME] = own_module


@pytest.mark.skipif(find_spec("cloudpickle") is None, reason="cloudpickle is not installed")
@pytest.mark.parametrize("case", ["activation", "lambda", "zeros", "loss", "function"])
def test_landscapes_of_a_file_are_sent_whole(own_module, elsewhere, case):
    landscape = own_module.landscapes[case]
    content = packed(landscape, "landscape")
    elsewhere()
    again = unpacked(content)
    assert again.fingerprint() == landscape.fingerprint()
    w = landscape.random_start(np.random.default_rng(1))
    np.testing.assert_array_equal(again.invariants(w), landscape.invariants(w))
    for one, other in zip(*(jax.tree.leaves(x.surface) for x in (again, landscape)), strict=True):
        np.testing.assert_array_equal(one, other)
        assert getattr(one, "dtype", None) == getattr(other, "dtype", None)


def test_without_cloudpickle_they_are_refused_here_and_not_in_the_worker(own_module, monkeypatch):
    monkeypatch.setattr(messages, "find_spec", lambda name: None)
    with pytest.raises(BadInputError, match=r"file of --landscape.*pip install cloudpickle"):
        packed(own_module.landscapes["activation"], "landscape")
    assert unpacked(packed((1, np.arange), "importable")) == (1, np.arange)


def test_other_modules_are_sent_by_name(own_module):
    assert packed(np.linalg.norm, "function") == pickle.dumps(
        np.linalg.norm, pickle.HIGHEST_PROTOCOL
    )
