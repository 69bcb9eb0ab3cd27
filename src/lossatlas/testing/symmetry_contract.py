"""The rules about the symmetry of a landscape: copies, invariants, orbits, stabilizers.

Random points have no symmetry of their own. The middle between a point and a neighboring copy of it
often has one, because a symmetry that exchanges the two leaves the middle unchanged.
"""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

from lossatlas.testing.rules import require
from lossatlas.testing.trial import Trial, energy, evaluate

COPIES = 6
"""Number of neighboring copies of a point that are checked."""
MIDDLES = 2
"""Number of symmetric points for each random one."""
SAME = 1e-7
"""Largest distance of equal points, in length scales, and of their invariants."""
EQUAL_ENERGY = 1e-9
"""Largest relative difference of the energies of copies."""
NUDGE = 1e-3
"""Length, in length scales, by which a symmetric point is moved to a point without symmetry."""
MOST_SYMMETRIES = 200
"""Largest number of symmetries of a point that are counted."""
WEIGHTS = 16
"""Number of weights that are changed, one at a time, to see whether invariants change."""
SLOPES = (1e-6, 1e3)
"""Bounds of the slope of the invariants by one weight, which should be about one."""


def _pairs(trial: Trial) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Points, each with some copies of it."""
    for w in trial.points:
        for copy in trial.landscape.neighbor_copies(w)[:COPIES]:
            yield w, copy


def _symmetric_points(trial: Trial) -> Iterator[np.ndarray]:
    """Points that often have a symmetry, with a finite energy."""
    for w in trial.points:
        for copy in trial.landscape.neighbor_copies(w)[:MIDDLES]:
            middle = 0.5 * (w + copy)
            if np.isfinite(energy(trial.landscape, middle)):
                yield middle


def require_copy(trial: Trial, w: np.ndarray, copy: np.ndarray, what: str) -> None:
    """Require that a copy has the energy, the length of the gradient and the invariants of w."""
    landscape = trial.landscape
    require(copy.shape == w.shape, f"{what} has the shape {copy.shape}")
    (value, slope), (other, other_slope) = (
        evaluate(landscape, "value_and_gradient", x) for x in (w, copy)
    )
    allowed = EQUAL_ENERGY * max(1.0, abs(value))
    require(abs(value - other) <= allowed, f"{what} has E = {other}, the point {value}")
    lengths = np.linalg.norm(slope), np.linalg.norm(other_slope)
    alike = abs(lengths[0] - lengths[1]) <= 1e-7 * max(1.0, *lengths)
    require(alike, f"{what} has a gradient of another length")
    apart = _distance(landscape.invariants(w), landscape.invariants(copy))
    require(apart <= _same(trial, w), f"{what} has invariants {apart:.2g} from those of the point")


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b)) if a.shape == b.shape else np.inf


def _same(trial: Trial, w: np.ndarray) -> float:
    """The distance up to which two points of the size of w are equal."""
    return SAME * trial.landscape.length_scale + 1e-9 * float(np.linalg.norm(w))


def _neighbor_copies(trial: Trial) -> None:
    for w in trial.points:
        copies = trial.landscape.neighbor_copies(w)
        away = [_distance(copy, w) for copy in copies]
        require(min(away, default=1.0) > _same(trial, w), "the point itself is among them")
        require(away == sorted(away), "are not sorted by their distance")
    for w, copy in _pairs(trial):
        require_copy(trial, w, copy, "one")


def _invariants(trial: Trial) -> None:
    landscape = trial.landscape
    for w, copy in _pairs(trial):
        apart = _distance(landscape.invariants(w), landscape.invariants(copy))
        require(apart <= _same(trial, w), f"of a copy are {apart:.2g} away")
    found = [landscape.invariants(w) for w in trial.points]
    for k, one in enumerate(found):
        require(np.isfinite(one).all(), "are not finite")
        nearest = min((_distance(one, other) for other in found[:k]), default=np.inf)
        require(nearest > 1e-6 * landscape.length_scale, "are equal for different points")
    for w in trial.points:
        _require_slopes(trial, w)


def _require_slopes(trial: Trial, w: np.ndarray) -> None:
    """Require that the invariants change with every weight.

    Points that differ in one weight alone are different points. More cannot be required: there may
    be fewer invariants than weights, since stationary points that are not copies of each other
    differ in all invariants, except by accident.
    """
    landscape, modes = trial.landscape, trial.landscape.excluded_modes
    random = np.random.default_rng([trial.seed, 10_001])
    axes = random.permutation(landscape.n_weights)[:WEIGHTS]
    step = 1e-4 * landscape.length_scale
    for axis in axes:
        u = np.eye(1, landscape.n_weights, axis)[0]
        u = u - modes.T @ (modes @ u)
        change = landscape.invariants(w + step * u) - landscape.invariants(w - step * u)
        slope = float(np.linalg.norm(change)) / (2.0 * step)
        wrong = f"change by {slope:.2g} per unit of weight {axis}, not by about one"
        require(SLOPES[0] <= slope <= SLOPES[1], wrong)


def _descriptors(trial: Trial) -> None:
    landscape = trial.landscape
    found = landscape.descriptors(trial.points)
    require(len(found) == len(trial.points) and found.ndim == 2, f"have the shape {found.shape}")
    for w, copy in _pairs(trial):
        one, other = landscape.descriptors(np.stack([w, copy]))
        allowed = 1e-6 * max(1.0, float(np.linalg.norm(one)))
        require(_distance(one, other) <= allowed, f"of a copy are {_distance(one, other):.2g} away")
    apart = min((_distance(a, b) for k, a in enumerate(found) for b in found[:k]), default=1.0)
    require(apart > 0, "are equal for different points")


def _nearest_copy(trial: Trial) -> None:
    landscape = trial.landscape
    targets = np.roll(trial.points, 1, axis=0)
    for w, target in zip(trial.points, targets, strict=True):
        copy = landscape.nearest_copy(w, target)
        require_copy(trial, w, copy, "it")
        far, before = _distance(copy, target), _distance(w, target)
        require(far <= before + _same(trial, w), f"it is {far:.6g} away, the point {before:.6g}")
    for w, copy in _pairs(trial):
        away = _distance(landscape.nearest_copy(copy, w), w)
        require(away <= 10 * _same(trial, w), f"of a copy it is {away:.2g} from the point")


def nudged(trial: Trial, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """A point without symmetry near w."""
    random = np.random.default_rng([trial.seed, 10_002])
    shift = random.normal(size=len(w))
    return w + NUDGE * trial.landscape.length_scale * shift / np.linalg.norm(shift)


def images(trial: Trial, w: np.ndarray, near: np.ndarray) -> list[np.ndarray]:
    """The images of a point near w under the symmetries of w, at most `MOST_SYMMETRIES`.

    They are the copies of the point that are not further from w than the point itself. Copies of
    copies are included.

    Args:
        trial: the landscape on trial.
        w: (n,) a point that may have symmetries.
        near: (n,) a point near w without symmetry.
    """
    away, same = _distance(near, w), _same(trial, w)
    found = [near]
    for one in found:
        for copy in trial.landscape.neighbor_copies(one):
            new = all(_distance(copy, other) > same for other in found)
            if new and _distance(copy, w) <= away + same and len(found) <= MOST_SYMMETRIES:
                found.append(copy)
    return found


def _orbit_size(trial: Trial) -> None:
    landscape = trial.landscape
    for w, copy in _pairs(trial):
        sizes = landscape.orbit_size(w), landscape.orbit_size(copy)
        require(sizes[0] == sizes[1] >= 1, f"is {sizes[0]}, and {sizes[1]} for a copy")
    for w in _symmetric_points(trial):
        near = nudged(trial, w)
        symmetries = len(images(trial, w, near))
        if symmetries > MOST_SYMMETRIES:
            continue
        size, whole = landscape.orbit_size(w), landscape.orbit_size(near)
        require(
            size * symmetries == whole,
            f"is {size} at a point with {symmetries} symmetries, and {whole} at one without any",
        )


def _symmetrizer(trial: Trial) -> None:
    landscape, n = trial.landscape, trial.landscape.n_weights
    period = getattr(landscape, "period", None)
    # A symmetry that needs a translation to bring a point back is not a linear operator.
    translated = period is not None and np.isfinite(period).any()
    for w in (*trial.points, *_symmetric_points(trial)):
        operator = landscape.symmetrizer(w)
        matrix = np.asarray(operator @ np.eye(n))
        require(np.allclose(matrix, matrix.T), "is not symmetric")
        require(np.allclose(matrix @ matrix, matrix), "applied twice is not itself")
        require(np.allclose(matrix @ w, operator @ w), "treats a vector unlike a matrix")
        require(_distance(matrix @ w, w) <= _same(trial, w), "moves the point")
        near = nudged(trial, w)
        found = images(trial, w, near)
        if len(found) > MOST_SYMMETRIES:
            continue
        mean = np.mean(found, axis=0)
        moved = matrix @ (mean if translated else near)
        wrong = f"is not the average over the {len(found)} symmetries of a point"
        require(_distance(moved, mean) <= 10 * _same(trial, w), wrong)


def _breaking_directions(trial: Trial) -> None:
    landscape = trial.landscape
    if landscape.n_weights < 2:
        return
    random = np.random.default_rng([trial.seed, 10_003])
    modes = np.linalg.qr(random.normal(size=(landscape.n_weights, 2)))[0].T
    for w in (*trial.points[:1], *_symmetric_points(trial)):
        found = landscape.breaking_directions(w, modes)
        require(found.ndim == 2 and len(found) > 0, f"have the shape {found.shape}")
        require(np.allclose(np.linalg.norm(found, axis=1), 1.0), "are no unit vectors")
        require(np.allclose(found @ modes.T @ modes, found), "leave the span of the modes")


def _representative(trial: Trial) -> None:
    landscape = trial.landscape
    for w in trial.points:
        copies = landscape.neighbor_copies(w)[:COPIES]
        inside = landscape.inside(np.stack([w, *copies]))
        wrong = f"inside has the shape {inside.shape} and the type {inside.dtype}"
        require(inside.shape == (1 + len(copies),) and inside.dtype == bool, wrong)
        require(len(set(inside.tolist())) == 1, "inside tells a point from its copies")
        for one in (w, *copies):
            stored = landscape.representative(one)
            require_copy(trial, one, stored, "it")
            again = landscape.representative(stored)
            require(_distance(again, stored) <= _same(trial, w), "of itself is another copy")


RULES: dict[str, Callable[[Trial], None]] = {
    "neighbor_copies": _neighbor_copies,
    "invariants": _invariants,
    "descriptors": _descriptors,
    "nearest_copy": _nearest_copy,
    "orbit_size": _orbit_size,
    "symmetrizer": _symmetrizer,
    "breaking_directions": _breaking_directions,
    "representative": _representative,
}
