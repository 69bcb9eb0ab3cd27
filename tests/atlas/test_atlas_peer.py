"""Identity on a real landscape: the points of the Fortran programs, polished here.

Their database lists 30 transition states of which two are one; all have equal hidden units.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from atlas_points import HIDDEN, at_weights, attempt, network_point, pathway, symmetry_copy

L2 = 1e-4


def logits(w, inputs):
    w2, w1, hidden, output = jnp.split(w, [2 * HIDDEN, 6 * HIDDEN, 7 * HIDDEN])
    units = jnp.tanh(inputs @ w2.reshape(HIDDEN, 2).T + hidden)
    return units @ w1.reshape(4, HIDDEN).T + output


@pytest.fixture(scope="module")
def peer(shared):
    """(m, 74) and (t, 74) weights, and the energy function of the landscape they are of."""
    folder = shared / "peer" / "d2"
    data = np.load(folder / "data.npz")
    inputs, labels = data["inputs"][:1000], data["labels"][:1000]

    def energy(w):
        chosen = jax.nn.log_softmax(logits(w, inputs))[np.arange(1000), labels]
        return -chosen.mean() + L2 * w @ w

    points = [np.fromfile(folder / name, "<f8") for name in ("points.min", "points.ts")]
    minima, states = (values.reshape(-1, 74) for values in points)
    return minima, states, energy


@pytest.fixture(scope="module")
def polished(peer):
    """Minima and transition states after three Newton steps, with their uncertainties."""
    minima, states, energy = peer
    gradient, hessian = jax.jit(jax.grad(energy)), jax.jit(jax.hessian(energy))

    def polish(w, index):
        for _ in range(3):
            w = w - np.linalg.solve(hessian(w), gradient(w))
        spectrum = np.linalg.eigvalsh(hessian(w))
        assert (spectrum < 0).sum() == index
        point = at_weights(w, float(energy(w)), index=index)
        return point._replace(
            uncertainty=float(np.linalg.norm(np.linalg.solve(hessian(w), gradient(w)))),
            lowest_eigenvalues=spectrum[:4],
        )

    return [polish(w, 0) for w in minima], [polish(w, 1) for w in states]


def test_the_points_are_as_many_as_are_distinct(polished, commit, rng):
    minima, states = polished
    paths = [pathway(state, minima[0], minima[1]) for state in states]
    first = commit(attempt(minima=minima), attempt(pathways=paths))
    assert len(first.new_minima) == 11
    assert len(first.new_transition_states) == 29
    ids = first.attempts[1].transition_states
    assert ids[1] == ids[4]  # listed twice
    copies = [pathway(symmetry_copy(rng, state), *minima[:2]) for state in states]
    again = commit(
        attempt(minima=[symmetry_copy(rng, minimum) for minimum in minima]),
        attempt(pathways=copies),
    )
    assert again.new_minima == again.new_transition_states == ()
    assert again.attempts[1].transition_states == ids
    assert len(commit(attempt(minima=[network_point(rng)])).new_minima) == 1
