"""Hybrid eigenvector-following: what it converges to, and what it never follows."""

import jax.numpy as jnp
import numpy as np
import pytest
from lane_runs import in_order, results_of
from reference_networks import small_landscape

from lossatlas.errors import Status
from lossatlas.kernels.matrix_free.climb import HybridClimb
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request
from lossatlas.search.basin_hopping import quenched
from lossatlas.search.certify import certified
from lossatlas.search.tools import default_tools
from lossatlas.search.transition_states import soft_directions
from lossatlas.testing.surfaces import MUELLER_BROWN, SIX_HUMP_CAMEL

SURFACES = {
    "camel": (SIX_HUMP_CAMEL, FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1])),
    "mueller-brown": (
        MUELLER_BROWN,
        FunctionLandscape(MUELLER_BROWN.energy, [-1.5, -0.5], [1.2, 2.0]),
    ),
}


@pytest.mark.parametrize("name", SURFACES)
def test_converges_to_known_saddles_from_near_them(name):
    known, landscape = SURFACES[name]
    saddles = [p for p in known.points if p.hessian_index == 1]
    random = np.random.default_rng(0)
    starts = [np.array(p.position) + 0.02 * random.normal(size=2) for p in saddles]
    jobs = [(w, random.normal(size=2)) for w in starts]
    kernel = HybridClimb(radius=0.05, max_radius=0.1, max_step=0.05)
    for point, found in zip(saddles, results_of(landscape.surface, kernel, jobs), strict=True):
        assert found.status == Status.CONVERGED
        np.testing.assert_allclose(found.w, point.position, atol=1e-4)
        hessian = np.asarray(landscape.surface.hessian(jnp.asarray(found.w)))
        mode = np.linalg.eigh(hessian)[1][:, 0]
        assert abs(found.mode @ mode) > 0.99


@pytest.mark.slow
def test_finds_the_transition_states_of_a_network_without_hessians():
    """From a minimum along its soft modes, beside the climb with exact Hessians."""
    landscape = small_landscape((4,), l2=5e-3)
    tools = default_tools(landscape)

    def climbs(kernel):
        certificate, _ = yield from quenched(
            tools, landscape.random_start(np.random.default_rng(2))
        )
        w = certificate.point.weights
        directions, _ = yield from soft_directions(tools, w)
        ends = []
        for mode in directions[:4]:
            for sign in (1.0, -1.0):
                start = w + 0.5 * sign * mode
                found = yield Request(kernel, (start, sign * mode))
                if found.status == Status.CONVERGED:
                    end = yield from certified(tools, found.w)
                    ends.append((found, end.point))
        return ends

    kernels = (HybridClimb(), tools.climb)
    ours, theirs = in_order(Engine(landscape.surface), [climbs(kernel) for kernel in kernels])
    energies = [
        {round(point.energy, 8) for _, point in ends if point is not None and point.index == 1}
        for ends in (ours, theirs)
    ]
    assert energies[0] & energies[1]
    for found, point in ours:
        assert found.hessians == 0 < found.gradients < 4000
        assert np.linalg.norm(landscape.excluded_modes @ found.mode) < 1e-8
        assert np.linalg.norm(landscape.excluded_modes @ found.w) < 1e-8
        assert point is None or np.linalg.norm(point.weights - found.w) < 0.5


def test_gives_up_at_the_limit():
    _, landscape = SURFACES["camel"]
    job = (np.array([0.0, 0.7]), np.array([1.0, 0.0]))
    found = results_of(landscape.surface, HybridClimb(max_gradients=10), [job])[0]
    assert found.status == Status.TOO_MANY_STEPS
    assert found.gradients >= 10
