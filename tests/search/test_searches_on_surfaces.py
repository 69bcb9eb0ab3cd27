"""Every search on surfaces whose minima, saddles and links are known."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from known_rows import known_rows
from lane_runs import each_in_order, in_order
from scipy.integrate import solve_ivp

from lossatlas.errors import Status
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.known import KnownPoints
from lossatlas.search.tools import default_tools
from lossatlas.search.transition_states import double_ended, single_ended
from lossatlas.testing.surfaces import LJAT3_PLANAR, MUELLER_BROWN, SIX_HUMP_CAMEL

MIRRORS = np.array([np.diag([sx, sx, sy]) for sx in (1.0, -1.0) for sy in (1.0, -1.0)])
CASES = {
    "Mueller-Brown": (MUELLER_BROWN, [-1.4, -0.3], [1.0, 1.8], None, 0.3),
    "six-hump camel": (SIX_HUMP_CAMEL, [-2, -1], [2, 1], np.stack([np.eye(2), -np.eye(2)]), 0.5),
    "LJAT3": (LJAT3_PLANAR, [1.0, -1.4, 0.3], [2.3, 2.4, 1.5], MIRRORS, 0.3),
}


class Exploration(NamedTuple):
    """What the searches found on one surface, by kind of search."""

    known: object
    landscape: FunctionLandscape
    minima: list
    attempts: dict


@pytest.fixture(scope="module", params=CASES)
def exploration(request):
    known, low, high, symmetry, length = CASES[request.param]
    landscape = FunctionLandscape(
        known.energy, low, high, known.name, symmetry=symmetry, length_scale=length
    )
    tools, engine = default_tools(landscape), Engine(landscape.surface)
    options = BasinHoppingOptions(steps=4)
    chains = each_in_order(
        engine, [basin_hopping(tools, np.random.default_rng(k), options) for k in range(16)]
    )
    quenches = [quench for chain in chains for quench in chain]
    minima = distinct(m for quench in quenches for m in quench.minima)
    single = [
        single_ended(tools, m.weights, mode, sign, reach)
        for m in minima
        for mode in (0, 1)
        for sign in (1, -1)
        for reach in (1.0, 0.3)
    ]
    double = []
    for i, a in enumerate(minima):
        others = [b.weights for b in minima[:i]]
        ends = [landscape.nearest_copy(w, a.weights) for w in others]
        for end in [*ends, *landscape.neighbor_copies(a.weights)]:
            double.append(double_ended(tools, a.weights, end))
    attempts = {
        "basin-hopping": quenches,
        "single-ended": in_order(engine, single),
        "double-ended": in_order(engine, double),
    }
    return Exploration(known, landscape, minima, attempts)


def distinct(points):
    found = {}
    for point in points:
        found.setdefault(tuple(np.round(point.invariants, 6) + 0.0), point)
    return sorted(found.values(), key=lambda point: point.energy)


def of_index(known, landscape, index):
    """Invariants of the known points of one index, symmetry copies once."""
    points = [np.array(p.position) for p in known.points if p.hessian_index == index]
    unique = {tuple(np.round(landscape.invariants(w), 6) + 0.0): w for w in points}
    return list(unique.values())


def assert_all_found(landscape, expected, found):
    assert len(found) == len(expected)
    for w in expected:
        gaps = [np.abs(point.invariants - landscape.invariants(w)).max() for point in found]
        assert min(gaps) < 1e-8


def test_basin_hopping_finds_all_minima(exploration):
    known, landscape, minima, _ = exploration
    assert_all_found(landscape, of_index(known, landscape, 0), minima)
    energies = sorted({round(p.energy, 8) for p in known.points if p.hessian_index == 0})
    assert sorted({round(m.energy, 8) for m in minima}) == energies


@pytest.mark.parametrize("kind", ["single-ended", "double-ended"])
def test_searches_find_all_transition_states(exploration, kind):
    known, landscape, _, attempts = exploration
    found = distinct(p.transition_state for a in attempts[kind] for p in a.pathways)
    assert_all_found(landscape, of_index(known, landscape, 1), found)


def test_everything_is_certified(exploration):
    known, _, minima, attempts = exploration
    hessian = jax.jit(jax.hessian(known.energy))
    pathways = [p for kind in attempts.values() for a in kind for p in a.pathways]
    ends = [end.minimum for p in pathways for end in p.ends]
    for point, index in [
        *[(m, 0) for m in (*minima, *ends)],
        *[(p.transition_state, 1) for p in pathways],
    ]:
        values = np.linalg.eigvalsh(hessian(jnp.asarray(point.weights)))
        assert point.index == (values < 0).sum() == index
        assert point.rms_gradient <= 1e-12
        np.testing.assert_allclose(point.lowest_eigenvalues, values[:4], rtol=1e-8)
        logarithm = np.log(values[values > 0]).sum()
        assert point.log_determinant == pytest.approx(logarithm, abs=1e-7)
        assert point.energy == pytest.approx(float(known.energy(point.weights)), abs=1e-11)
        assert point.uncertainty < 1e-10


def flow_end(landscape, known, saddle, direction):
    """The minimum (by invariants) that SciPy's integration of the gradient flow runs into."""
    gradient = jax.jit(jax.grad(known.energy))
    minima = [landscape.symmetry.copies(w) for w in of_index(known, landscape, 0)]
    gap = lambda _, w: min(np.linalg.norm(c - w, axis=1).min() for c in minima) - 0.01  # noqa: E731
    gap.terminal = True
    end = solve_ivp(
        lambda _, w: -np.asarray(gradient(w)),
        (0, 1e4),
        saddle + 1e-4 * direction,
        "LSODA",
        rtol=1e-9,
        atol=1e-11,
        events=gap,
    ).y[:, -1]
    nearest = min(minima, key=lambda copies: np.linalg.norm(copies - end, axis=1).min())
    return tuple(np.round(landscape.invariants(nearest[0]), 6) + 0.0)


@pytest.mark.parametrize("kind", ["single-ended", "double-ended"])
def test_links_are_those_of_gradient_flow(exploration, kind):
    known, landscape, _, attempts = exploration
    hessian = jax.jit(jax.hessian(known.energy))
    pathways = {
        tuple(np.round(p.transition_state.invariants, 6) + 0.0): p
        for a in attempts[kind]
        for p in a.pathways
    }
    for pathway in pathways.values():
        saddle = pathway.transition_state.weights
        mode = np.linalg.eigh(hessian(jnp.asarray(saddle)))[1][:, 0]
        expected = sorted(flow_end(landscape, known, saddle, s * mode) for s in (1, -1))
        ends = [tuple(np.round(e.minimum.invariants, 6) + 0.0) for e in pathway.ends]
        assert sorted(ends) == expected
        assert all(end.via is None for end in pathway.ends)
        assert all(end.minimum.energy < pathway.transition_state.energy for end in pathway.ends)


def test_attempts_say_what_happened(exploration):
    tools = default_tools(exploration.landscape)
    for found in exploration.attempts.values():
        for attempt in found:
            some = bool(attempt.minima or attempt.pathways)
            assert (attempt.status is Status.CONVERGED) == some
            assert attempt.cost.gradients > 0
            if not some:
                assert attempt.failures[attempt.status] == max(attempt.failures.values())
            assert all(type(status) is Status for status in attempt.failures)
            for end in (end for pathway in attempt.pathways for end in pathway.ends):
                first, tightest = tools.flow_tolerance
                assert tightest <= end.tolerance <= first
                assert end.method == "exponential"


def test_chains_depend_on_their_seed_only(exploration):
    _, landscape, _, attempts = exploration
    tools, options = default_tools(landscape), BasinHoppingOptions(steps=4)
    again = each_in_order(
        Engine(landscape.surface, workers=1),
        [basin_hopping(tools, np.random.default_rng(k), options) for k in (5, 3)],
    )
    for chain, old in zip(again, (5, 3), strict=True):
        first = 4 * old
        assert len(chain) == 4
        for quench, before in zip(chain, attempts["basin-hopping"][first : first + 4], strict=True):
            assert quench.cost == before.cost
            for a, b in zip(quench.minima, before.minima, strict=True):
                np.testing.assert_array_equal(a.weights, b.weights)


def test_known_transition_states_are_hits(exploration):
    """A search that arrives where others have been already does not follow the paths again."""
    _, landscape, minima, attempts = exploration
    first = next(k for k, a in enumerate(attempts["single-ended"]) if a.pathways)
    old = attempts["single-ended"][first]
    state = old.pathways[-1].transition_state
    known = KnownPoints()
    known.append(known_rows([state], [42]))
    tools = default_tools(landscape)._replace(known=known.as_of())
    climbs = [
        (m.weights, d, s, r) for m in minima for d in (0, 1) for s in (1, -1) for r in (1.0, 0.3)
    ]
    again = in_order(Engine(landscape.surface), [single_ended(tools, *climbs[first])])[0]
    assert (again.status, again.hits, again.pathways) == (Status.CONVERGED, (42,), ())
    assert again.cost.hessians < old.cost.hessians


def test_ljat3_has_the_reference_energies(exploration):
    known, _, minima, attempts = exploration
    if known is not LJAT3_PLANAR:
        pytest.skip("about LJAT3")
    energies = [m.energy for m in minima]
    np.testing.assert_allclose(energies, [-2.2190981696] * 3 + [-2.1850988403], atol=1e-9)
    saddles = distinct(p.transition_state for a in attempts["double-ended"] for p in a.pathways)
    np.testing.assert_allclose([s.energy for s in saddles], [-1.985070] * 3, atol=1e-6)
    for attempt in attempts["single-ended"]:
        for pathway in attempt.pathways:
            ends = sorted(end.minimum.energy for end in pathway.ends)
            np.testing.assert_allclose(ends, [-2.2190981696, -2.1850988403], atol=1e-9)
