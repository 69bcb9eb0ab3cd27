"""The doubly-nudged elastic band: its forces, tangents, candidates, and where it relaxes to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lane_runs import results_of

from lossatlas.errors import Status
from lossatlas.kernels.band import Band, Relaxed, band_forces, candidates
from lossatlas.landscape import FunctionLandscape
from lossatlas.testing.surfaces import MUELLER_BROWN

FORCES = jax.jit(band_forces)
seeds = st.integers(0, 2**32 - 1)


def upwind_tangent(before, here, after, below, energy, above):
    """Eqs. 8-11 of Henkelman and Jonsson (2000)."""
    ahead, behind = after - here, here - before
    if above > energy > below:
        tangent = ahead
    elif above < energy < below:
        tangent = behind
    else:
        largest = max(abs(above - energy), abs(below - energy))
        smallest = min(abs(above - energy), abs(below - energy))
        if above > below:
            tangent = ahead * largest + behind * smallest
        else:
            tangent = ahead * smallest + behind * largest
    return tangent / np.linalg.norm(tangent)


def expected_force(images, energies, gradient, spring, i):
    """Nudged force, plus the component of the perpendicular spring force across the gradient."""
    before, here, after = images[i - 1 : i + 2]
    tangent = upwind_tangent(before, here, after, *energies[i - 1 : i + 2])
    across = gradient - (gradient @ tangent) * tangent
    stretch = np.linalg.norm(after - here) - np.linalg.norm(here - before)
    pull = spring * ((after - here) - (here - before))
    aside = pull - (pull @ tangent) * tangent
    unit = across / np.linalg.norm(across)
    return -across + spring * stretch * tangent + aside - (aside @ unit) * unit


@settings(max_examples=60, deadline=None)
@given(seeds, st.floats(0.01, 10))
def test_forces_are_those_of_the_papers(seed, spring):
    random = np.random.default_rng(seed)
    images, energies = random.normal(size=(6, 4)), random.normal(size=6)
    gradients = random.normal(size=(4, 4))
    found = FORCES(images, energies, gradients, spring)
    for i in range(1, 5):
        expected = expected_force(images, energies, gradients[i - 1], spring, i)
        np.testing.assert_allclose(found[i - 1], expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_without_springs_only_the_gradient_across_is_left(seed):
    random = np.random.default_rng(seed)
    images, energies = random.normal(size=(6, 4)), random.normal(size=6)
    gradients = random.normal(size=(4, 4))
    force = np.asarray(FORCES(images, energies, gradients, 0.0))
    for i in range(1, 5):
        tangent = upwind_tangent(*images[i - 1 : i + 2], *energies[i - 1 : i + 2])
        assert force[i - 1] @ tangent == pytest.approx(0.0, abs=1e-12)
        along = gradients[i - 1] + force[i - 1]
        np.testing.assert_allclose(along, (gradients[i - 1] @ tangent) * tangent, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_along_the_band_only_springs_pull(seed):
    random = np.random.default_rng(seed)
    images, energies = random.normal(size=(6, 4)), random.normal(size=6)
    force = np.asarray(FORCES(images, energies, random.normal(size=(4, 4)), 2.0))
    for i in range(1, 5):
        tangent = upwind_tangent(*images[i - 1 : i + 2], *energies[i - 1 : i + 2])
        ahead = np.linalg.norm(images[i + 1] - images[i])
        behind = np.linalg.norm(images[i] - images[i - 1])
        assert force[i - 1] @ tangent == pytest.approx(2.0 * (ahead - behind), abs=1e-12)


def test_an_even_band_along_the_gradient_feels_nothing():
    images = np.linspace(0, 1, 7)[:, None] * np.ones(3)
    gradients = np.ones((5, 3))
    force = FORCES(images, np.arange(7.0), gradients, 3.0)
    np.testing.assert_allclose(force, 0.0, atol=1e-12)


@pytest.fixture(scope="module")
def relaxed():
    """Bands between the three minima of Mueller-Brown, and one from a minimum to itself."""
    landscape = FunctionLandscape(MUELLER_BROWN.energy, [-1, -1], [1, 1])
    a, b, c = (np.array(p.position) for p in MUELLER_BROWN.points[:3])
    kernel = Band(images=25, iterations=500, force=0.1, max_step=0.05)
    return results_of(landscape.surface, kernel, [(a, b), (c, b), (a, c), (a, a)])


def test_a_relaxed_band_passes_the_saddles(relaxed):
    saddles = [np.array(p.position) for p in MUELLER_BROWN.points[3:]]
    on_the_way = [(0, 1), (0,), (1,)]
    for band, passed in zip(relaxed, on_the_way, strict=False):
        assert band.status == Status.CONVERGED
        spacing = np.linalg.norm(np.diff(band.images, axis=0), axis=1).max()
        for k in passed:
            gap = np.linalg.norm(band.images - saddles[k], axis=1).min()
            assert gap < 0.6 * spacing
        tops = [image for image, _ in candidates(band)]
        assert len(tops) == len(passed)
        for top in tops:
            assert min(np.linalg.norm(top - saddle) for saddle in saddles) < spacing


def test_ends_stay_and_energies_belong_to_images(relaxed):
    a, b = (np.array(p.position) for p in MUELLER_BROWN.points[:2])
    energy = jax.jit(jax.vmap(MUELLER_BROWN.energy))
    np.testing.assert_array_equal(relaxed[0].images[[0, -1]], [a, b])
    for band in relaxed:
        np.testing.assert_allclose(band.energies, energy(jnp.asarray(band.images)), rtol=1e-12)


def test_images_stay_apart(relaxed):
    for band in relaxed[:3]:
        gaps = np.linalg.norm(np.diff(band.images, axis=0), axis=1)
        assert gaps.max() < 3 * gaps.min()


def test_a_band_between_equal_ends_stays_there(relaxed):
    assert relaxed[3].status == Status.CONVERGED
    np.testing.assert_allclose(relaxed[3].images, np.tile(relaxed[3].images[0], (25, 1)))


def test_candidates_are_the_interior_maxima_highest_first():
    energies = np.array([0.0, 2.0, 1.0, 5.0, 5.0, 4.0, 4.5, 3.0, 9.0])
    images = np.arange(9.0)[:, None] ** 2
    found = candidates(Relaxed(images, energies, np.int32(1), np.int32(1)))
    assert [float(image[0]) for image, _ in found] == [9.0, 36.0, 1.0]
    assert [float(tangent[0]) for _, tangent in found] == [16 - 4.0, 49 - 25.0, 4 - 0.0]
    monotonic = Relaxed(images, np.arange(9.0), np.int32(1), np.int32(1))
    assert candidates(monotonic) == []
