"""The contract of a landscape as a test: derivatives, excluded modes, random starts, identity.

The rules about symmetry are in `symmetry_contract`.
"""

import pickle
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lossatlas.compiled import compiled
from lossatlas.landscape.base import Landscape
from lossatlas.testing import symmetry_contract
from lossatlas.testing.rules import require, try_rules
from lossatlas.testing.trial import Trial, directions, energy, evaluate

STARTS, POINTS = 20, 3
"""Number of random starts that are drawn, and of points with a finite energy among them that are
used."""
STEP = 1e-4
"""Step of finite differences, in length scales. Two steps are combined, so that errors are of
fourth order; rounding leaves about 1e-11 of the function."""
DERIVATIVE = 1e-5
"""Largest relative difference between a derivative and a finite difference."""
EXACT = 1e-8
"""Largest relative difference of two ways to compute a quantity in double precision."""
ROUGH = 1e-2
"""Largest relative difference of a quantity computed in single and in double precision."""


def check_landscape(landscape: Landscape, seed: int = 0, without: Sequence[str] = ()) -> None:
    """Check, at a few random points, that a landscape has the properties that searches rely on.

    The rules have these names:

    * ``numbers``: the dimension, the length scale, the cost of a Hessian and the zero tolerance are
      valid numbers.
    * ``random_start``: starts are finite float64 arrays (n,) inside of the box, and the same for
      the same generator.
    * ``float64``: energy, gradient and Hessian are in double precision.
    * ``gradient``, ``hessian``: both agree with finite differences, and the Hessian is symmetric.
    * ``hessian_vector_product``: it agrees with the Hessian.
    * ``excluded_modes``: they are orthonormal, the second derivative along each is constant, and
      mixed second derivatives with other directions are zero; `inner_hessian`, `from_inner` and
      `without_excluded` leave them out.
    * ``rough``: the rough surface is the same function up to single precision.
    * ``neighbor_copies``: they are other points with the same energy and the same length of the
      gradient, nearest first.
    * ``invariants``, ``descriptors``: they are equal for copies and differ for different points,
      and the invariants change with every weight.
    * ``nearest_copy``: it is a copy that is not farther away than the point itself; the copy of a
      point nearest to that point is the point.
    * ``orbit_size``: it is the order of the group over the number of symmetries of the point that
      are found numerically.
    * ``symmetrizer``: it is the projector onto the weights with the symmetry of a point.
    * ``breaking_directions``: they are unit vectors in the span of the given modes.
    * ``representative``: it is a copy, which lies inside of the box if `inside` is True.
    * ``fingerprint``: it consists of texts, the same at each call.
    * ``pickle``: a landscape that was pickled is the same, so that searches can be made in other
      processes.

    Args:
        landscape: the landscape to be checked.
        seed: seed of the random points; default 0.
        without: names of rules that are left out, e.g. ``["pickle"]`` if the function is a lambda;
            default none.

    Raises:
        AssertionError: if rules are broken; the message lists them with numbers.
        BadInputError: if `without` has a name that no rule has.

    Examples:
        >>> from lossatlas import FunctionLandscape
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> check_landscape(camel)
    """
    trial = Trial(landscape, _points(landscape, seed), seed)
    rules = {**RULES, **symmetry_contract.RULES, **IDENTITY}
    bound = {name: partial(rule, trial) for name, rule in rules.items()}
    try_rules(f"landscape {type(landscape).__name__}", bound, without)


def _points(landscape: Landscape, seed: int) -> np.ndarray:
    """(b, n) random starts with a finite energy."""
    starts = [landscape.random_start(np.random.default_rng([seed, k])) for k in range(STARTS)]
    finite = [w for w in starts if np.isfinite(energy(landscape, w))]
    require(finite, f"random_start: E is not finite at any of {STARTS} starts")
    return np.array(finite[:POINTS])


def _numbers(trial: Trial) -> None:
    landscape, n = trial.landscape, trial.landscape.n_weights
    require(isinstance(n, int) and n > 0, f"n_weights is {n!r}, not a positive int")
    for name in ("length_scale", "hessian_cost"):
        value = getattr(landscape, name)
        require(0 < value < np.inf, f"{name} is {value!r}, not positive and finite")
    zero = landscape.zero_tolerance
    require(zero is None or zero > 0, f"zero_tolerance is {zero!r}, neither None nor positive")
    modes, curvatures = landscape.excluded_modes, landscape.excluded_curvatures
    require(modes.shape == (len(curvatures), n), f"excluded_modes have the shape {modes.shape}")


def _random_start(trial: Trial) -> None:
    landscape = trial.landscape
    for k in range(STARTS):
        w, again = (
            landscape.random_start(np.random.default_rng([trial.seed, k])) for _ in range(2)
        )
        shape = (landscape.n_weights,)
        require(w.shape == shape and w.dtype == np.float64, f"is {w.dtype} of shape {w.shape}")
        require(np.isfinite(w).all(), f"is not finite: {w}")
        require(np.array_equal(w, again), "is another one for the same generator")
        require(landscape.inside(w[None]).tolist() == [True], f"is not inside: {w}")


def _float64(trial: Trial) -> None:
    w = trial.points[0]
    value, slope = evaluate(trial.landscape, "value_and_gradient", w)
    found = {"energy": evaluate(trial.landscape, "energy", w), "value": value, "gradient": slope}
    found["hessian"] = evaluate(trial.landscape, "hessian", w)
    n = trial.landscape.n_weights
    shapes = {"energy": (), "value": (), "gradient": (n,), "hessian": (n, n)}
    for name, array in found.items():
        require(array.dtype == np.float64, f"the {name} is {array.dtype}")
        require(array.shape == shapes[name], f"the {name} has the shape {array.shape}")


def difference_quotient(function: Callable[[np.ndarray], Any], w, direction, step: float) -> Any:
    """The derivative of a function along a direction, by two central differences.

    Args:
        function: the function of weights (n,).
        w: (n,) the point.
        direction: (n,) the direction.
        step: the smaller of the two steps. The combination of both has an error of fourth order.
    """

    def central(h: float) -> Any:
        return (function(w + h * direction) - function(w - h * direction)) / (2.0 * h)

    return (4.0 * central(0.5 * step) - central(step)) / 3.0


def _gradient(trial: Trial) -> None:
    landscape, length = trial.landscape, trial.landscape.length_scale
    for w in trial.points:
        value, slope = evaluate(landscape, "value_and_gradient", w)
        plain = energy(landscape, w)
        allowed = EXACT * max(abs(plain), 1e-300)
        require(abs(value - plain) <= allowed, f"comes with E = {value}, but energy gives {plain}")
        allowed = DERIVATIVE * np.linalg.norm(slope) + 1e-10 * abs(plain) / length
        for u in directions(trial):
            quotient = difference_quotient(partial(energy, landscape), w, u, STEP * length)
            wrong = f"is {slope @ u} along a direction, finite differences give {quotient}"
            require(abs(quotient - slope @ u) <= allowed, wrong)


def _hessian(trial: Trial) -> None:
    landscape, length = trial.landscape, trial.landscape.length_scale

    def slope_at(w: np.ndarray) -> np.ndarray:
        return evaluate(landscape, "value_and_gradient", w)[1]

    for w in trial.points:
        hessian = evaluate(landscape, "hessian", w)
        size = np.linalg.norm(hessian, 2)
        require(np.abs(hessian - hessian.T).max() <= EXACT * size, "is not symmetric")
        allowed = DERIVATIVE * size + 1e-10 * np.linalg.norm(slope_at(w)) / length
        for u in directions(trial):
            error = difference_quotient(slope_at, w, u, STEP * length) - hessian @ u
            wrong = f"times a unit vector is {np.linalg.norm(error):.2g} from finite differences"
            require(np.linalg.norm(error) <= allowed, f"{wrong} of the gradient (size {size:.2g})")


def _hessian_vector_product(trial: Trial) -> None:
    for w in trial.points:
        hessian = evaluate(trial.landscape, "hessian", w)
        for u in directions(trial):
            product = evaluate(trial.landscape, "hessian_vector_product", w, u)
            error = np.linalg.norm(product - hessian @ u)
            wrong = f"is {error:.2g} from the Hessian times the vector"
            require(error <= EXACT * np.linalg.norm(hessian, 2), wrong)


def _excluded_modes(trial: Trial) -> None:
    landscape, n = trial.landscape, trial.landscape.n_weights
    modes, curvatures = landscape.excluded_modes, landscape.excluded_curvatures
    require(np.allclose(modes @ modes.T, np.eye(len(modes))), "are not orthonormal")
    kept = evaluate(landscape, "from_inner", np.eye(n - len(modes)))
    require(np.allclose(kept.T @ kept, np.eye(n - len(modes))), "from_inner is not orthonormal")
    require(np.allclose(modes @ kept, 0.0), "from_inner leads into an excluded mode")
    for w, u in zip(trial.points, directions(trial), strict=False):
        hessian, inner = (evaluate(landscape, name, w) for name in ("hessian", "inner_hessian"))
        allowed = EXACT * max(np.linalg.norm(hessian, 2), 1e-300)
        along = modes @ hessian
        require(
            np.abs(along - curvatures[:, None] * modes).max(initial=0.0) <= allowed,
            "the Hessian along them is not excluded_curvatures, or mixes them with others",
        )
        same = np.abs(kept.T @ hessian @ kept - inner).max() <= allowed
        require(same, "inner_hessian is not the Hessian in the coordinates of from_inner")
        left = evaluate(landscape, "without_excluded", u)
        require(np.allclose(left, u - modes.T @ (modes @ u)), "without_excluded does not drop them")


@cache
def _rough_values() -> Any:
    return compiled(lambda s, w: (s.rough().energy(w), s.rough_will_do(jnp.ones(()))))


def _rough(trial: Trial) -> None:
    for w in trial.points:
        with jax.enable_x64(True):
            rough, will_do = _rough_values()(trial.landscape.surface, jnp.asarray(w))
        exact = energy(trial.landscape, w)
        require(abs(float(rough) - exact) <= ROUGH * abs(exact) + 1e-6, f"is {rough}, not {exact}")
        require(will_do.shape == () and will_do.dtype == bool, "rough_will_do gives no bool")


def _fingerprint(trial: Trial) -> None:
    found, again = trial.landscape.fingerprint(), trial.landscape.fingerprint()
    texts = isinstance(found, dict) and all(isinstance(t, str) for t in (*found, *found.values()))
    require(texts and found, f"is not a dict of texts: {found!r}")
    require(found == again, "differs from one call to the next")


def _pickle(trial: Trial) -> None:
    again = pickle.loads(pickle.dumps(trial.landscape))
    require(again.fingerprint() == trial.landscape.fingerprint(), "has another fingerprint")
    for w in trial.points:
        require(energy(again, w) == energy(trial.landscape, w), "has another energy")


RULES: dict[str, Callable[[Trial], None]] = {
    "numbers": _numbers,
    "random_start": _random_start,
    "float64": _float64,
    "gradient": _gradient,
    "hessian": _hessian,
    "hessian_vector_product": _hessian_vector_product,
    "excluded_modes": _excluded_modes,
    "rough": _rough,
}
IDENTITY: dict[str, Callable[[Trial], None]] = {"fingerprint": _fingerprint, "pickle": _pickle}
