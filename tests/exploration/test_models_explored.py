"""Recognized models of Flax and Equinox: the atlas of the built-in network, at its cost."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossatlas as la

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 2))
LABELS = np.arange(60) % 3


def linen(hidden, outputs):
    nn = pytest.importorskip("flax.linen", reason="the extra flax is not installed")

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(outputs)(jnp.tanh(nn.Dense(hidden)(x)))

    return Model(), Model().init(jax.random.PRNGKey(0), jnp.ones((1, 2)))


def equinox(hidden, outputs):
    eqx = pytest.importorskip("equinox", reason="the extra equinox is not installed")
    key = jax.random.PRNGKey(0)
    return eqx.nn.MLP(2, outputs, hidden, 1, activation=jnp.tanh, key=key)


MODELS = {"flax": linen, "equinox": equinox}


def explored(landscape, path):
    """What an atlas says of minima and transition states: losses, orbit sizes, links."""
    with la.explore(landscape, path, transition_states=5, seed=1, progress=False) as atlas:
        minima, states = atlas.minima(), atlas.transition_states()
    links = ["loss", "orbit_size", "minimum_1", "minimum_2"]
    return minima[["loss", "orbit_size"]].to_numpy(float), states[links].to_numpy(float)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_atlas_is_that_of_the_built_in_network(model, tmp_path):
    built_in = la.NetworkLandscape(X, LABELS, (3,), 1e-2)
    landscape = la.ModelLandscape(model(3, 3), "softmax-cross-entropy", (X, LABELS), l2=1e-2)
    expected = explored(built_in, tmp_path / "built-in.atlas")
    found = explored(landscape, tmp_path / "model.atlas")
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert len(expected[1]) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_it_costs_what_the_built_in_network_costs(model):
    """The shortest of many times, taken in turn: what else the machine does hits both alike."""
    x, labels = RANDOM.normal(size=(1000, 2)), np.arange(1000) % 4
    built_in = la.NetworkLandscape(x, labels, (10,), 1e-4)
    landscape = la.ModelLandscape(model(10, 4), "softmax-cross-entropy", (x, labels), l2=1e-4)
    w = RANDOM.normal(size=built_in.n_weights)
    with jax.enable_x64(True):
        for compute in (
            jax.jit(lambda surface, w: surface.hessian(w)),
            jax.jit(lambda surface, w: surface.value_and_gradient(w)),
        ):
            times = np.array(
                [
                    [seconds(compute, s.surface, w) for s in (built_in, landscape)]
                    for _ in range(300)
                ]
            )
            one, other = times.min(axis=0)
            assert other <= 1.2 * one


def seconds(compute, surface, w):
    began = time.perf_counter()
    jax.block_until_ready(compute(surface, w))
    return time.perf_counter() - began
