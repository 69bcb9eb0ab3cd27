"""Newton polishing and the certificate, with symmetric indefinite factorizations.

As in `dense.polish`, each Hessian is used for further steps as long as these halve the gradient,
and the last one certifies the point. The Hessian index is the number of negative eigenvalues that a
factorization of the exact Hessian in double precision counts (`inertia`). The lowest eigenpairs are
computed, and another factorization proves that none of them is missing.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float
from scipy.sparse.linalg import eigsh

from lossatlas.compiled import compiled
from lossatlas.errors import Status
from lossatlas.kernels.dense.polish import WORTH
from lossatlas.kernels.factorized.inertia import Factors, LowPairs, factorized, lowest_pairs
from lossatlas.kernels.factorized.shifted import to_inner
from lossatlas.kernels.matrix_free.polish import IterativePolish
from lossatlas.kernels.parts import Polished
from lossatlas.kernels.steadiness import change_of_product, displacement
from lossatlas.kernels.step_control import NO_CURVATURE
from lossatlas.landscape.base import Surface
from lossatlas.typing import Scalar

FEW_STEPS = 8
"""Largest number of Newton steps of a polish by products; near the end each gains some digits."""

LARGEST_ACCURACY = 1e-2
"""Relative error allowed for the largest eigenvalue, which only sets a scale."""

FEW = 100
"""Number of rows up to which all eigenvalues of a matrix are computed."""


class _Newton(NamedTuple):
    """A point with its gradient, the exact Hessian and its factors, and the evaluations so far."""

    w: np.ndarray
    energy: float
    gradient: np.ndarray
    hessian: np.ndarray
    factors: Factors
    gradients: int
    hessians: int


@dataclass(frozen=True)
class FactorizedPolish:
    """The host call of Newton steps with factorizations; for its job see `kernels.parts`.

    With `downhill` True a step is turned around along the directions of negative curvature, so that
    it leads to a minimum; otherwise it is the Newton step to the nearest stationary point.

    Args:
        rms: largest RMS gradient of a stationary point; default 1e-12.
        target: RMS gradient below which a polish ends at once; default 1e-15. Between `target` and
            `rms` it ends when a step with the factorization of its point does not halve the
            gradient.
        max_step: largest length of a step, in units of the weights; default 0.3.
        max_hessians: number of Hessians after which a polish is given up; default 15. Most polishes
            take two or three, and if one at the end of a path fails, the path is continued.
        n_modes: smallest number of eigenpairs to compute; default 8.
        residual: largest residual of an eigenpair, relative to its eigenvalue; default 1e-3.
        products: largest number of Hessian-vector products with which each part of polish and
            certificate is tried first; default 0, factorizations from the start. With a well
            conditioned Hessian some hundred products are enough, while a factorization of ten
            thousand weights costs as much as thousands.
    """

    rms: float = 1e-12
    target: float = 1e-15
    max_step: float = 0.3
    max_hessians: int = 15
    n_modes: int = 8
    residual: float = 1e-3
    products: int = 0

    def call(
        self, surface: Surface, w: Float[np.ndarray, " n"], downhill: Bool[np.ndarray, ""]
    ) -> Polished:
        """Take Newton steps, then compute the lowest eigenpairs.

        Args:
            surface: the compiled half of the landscape.
            w: (n,) the point to begin at.
            downhill: whether the steps are to lead to a minimum.
        """
        w = np.asarray(_without_excluded(surface, w))
        gradients = hessians = 0
        if self.products > 0:
            tried = self._by_products().call(surface, w, downhill)
            if tried.status == Status.CONVERGED:
                return tried
            gradients = int(tried.gradients)
        while True:
            energy, gradient = map(np.asarray, _evaluate(surface, w))
            gradients, hessians = gradients + 1, hessians + 1
            size = _rms(gradient)
            if not np.isfinite(size):
                return self._failed(w, float(energy), size, (gradients, hessians))
            hessian = np.asarray(_hessian(surface, w))
            if not np.isfinite(hessian).all():
                return self._failed(w, float(energy), size, (gradients, hessians))
            factors = _regular(hessian)
            point = _Newton(w, float(energy), gradient, hessian, factors, gradients, hessians)
            turned = self._turned_round(point) if downhill else None
            step = self._step(surface, point, gradient, turned)
            if not np.isfinite(step).all():
                return self._failed(w, float(energy), size, (gradients, hessians))
            if size <= self.target:
                return self._certificate(surface, point, step)
            best, smallest, used = self._chords(surface, point, step, turned)
            gradients += used
            point = point._replace(gradients=gradients)
            if size <= self.rms and smallest > WORTH * size:
                return self._certificate(surface, point, step)
            if hessians >= self.max_hessians:
                status = Status.NOT_STATIONARY
                return self._failed(w, float(energy), size, (gradients, hessians), status)
            w = best

    def _by_products(self) -> IterativePolish:
        """Return a polish by products that is given up where it would take too many of them."""
        return IterativePolish(
            rms=self.rms,
            n_modes=self.n_modes,
            max_step=self.max_step,
            max_evaluations=FEW_STEPS,
            max_basis=min(self.products, IterativePolish.max_basis),
            max_products=self.products,
            confirmations=2,
        )

    def _turned_round(self, point: _Newton) -> np.ndarray | None:
        """Return the modes (m, k) of negative curvature, along which Newton steps lead uphill."""
        if point.factors.negative == 0:
            return None
        pairs = lowest_pairs(point.hessian, point.factors, 1, self.residual)
        return pairs.vectors[:, pairs.values < 0]

    def _step(
        self, surface: Surface, point: _Newton, gradient: np.ndarray, turned: np.ndarray | None
    ) -> np.ndarray:
        """Return the Newton step (n,) for a gradient near the point, turned around along modes."""
        inner = np.asarray(_to_inner(surface, gradient, len(point.hessian)))
        step = -point.factors.solve(inner[:, None])[:, 0]
        if turned is not None:
            step = step - 2.0 * turned @ (turned.T @ step)
        return np.asarray(_from_inner(surface, step))

    def _chords(
        self, surface: Surface, point: _Newton, step: np.ndarray, turned: np.ndarray | None
    ) -> tuple[np.ndarray, float, int]:
        """Take steps with one factorization while they halve the gradient and stay near.

        The first step is taken even if it enlarges the gradient, as it may far from the end.

        Returns:
            The best point, its RMS gradient, and the number of gradients computed.
        """
        w, smallest, used = point.w, _rms(point.gradient), 0
        step = _capped(step, self.max_step)
        while True:
            trial = w + step
            gradient = np.asarray(_evaluate(surface, trial)[1])
            size, used = _rms(gradient), used + 1
            enough = size < WORTH * smallest and size > self.target
            if used == 1 or size < smallest:
                w, smallest = trial, size
            if not enough:
                return w, smallest, used
            step = self._step(surface, point, gradient, turned)
            if np.linalg.norm(trial + step - point.w) > self.max_step:
                return w, smallest, used

    def _certificate(self, surface: Surface, point: _Newton, step: np.ndarray) -> Polished:
        """Compute the lowest eigenpairs at the point, and how much curvatures change near it."""
        pairs = lowest_pairs(point.hessian, point.factors, self.n_modes, self.residual)
        vectors = np.asarray(_from_inner(surface, pairs.vectors))
        change = _change(surface, point.w, pairs.values, vectors, step, self.max_step)
        status = Status.CONVERGED if _complete(pairs) else Status.UNDECIDED
        return Polished(
            w=point.w,
            energy=point.energy,
            rms_gradient=_rms(point.gradient),
            newton_length=float(np.linalg.norm(step)),
            eigenvalues=pairs.values,
            modes=vectors[:, : self.n_modes].T,
            largest_eigenvalue=_largest(point.hessian),
            curvature_change=float(change),
            gradients=point.gradients,
            hessians=point.hessians,
            status=status,
        )

    def _failed(
        self,
        w: np.ndarray,
        energy: float,
        size: float,
        used: tuple[int, int],
        status: Status = Status.NOT_FINITE,
    ) -> Polished:
        """Return a result without a spectrum."""
        nothing = np.empty(0), np.empty((0, len(w)))
        return Polished(w, energy, size, np.nan, *nothing, 0.0, np.inf, *used, status)


def _regular(hessian: np.ndarray) -> Factors:
    """Factorize the Hessian; if it is singular, a matrix that differs from it by a rounding error.

    The step is then long and capped, and the certificate shows that the sign is not certain.
    """
    factors = factorized(hessian)
    if not factors.singular:
        return factors
    return factorized(hessian, -max(NO_CURVATURE * float(np.linalg.norm(hessian)), 1e-300))


def _complete(pairs: LowPairs) -> bool:
    """Say whether no pair is missing and the last is positive, or all eigenvalues are negative."""
    return pairs.counted and (pairs.values[-1] > 0 or len(pairs.values) == len(pairs.vectors))


def _largest(hessian: np.ndarray) -> float:
    """Return the size of the eigenvalue that is largest in size."""
    if len(hessian) <= FEW:
        return float(np.abs(np.linalg.eigvalsh(hessian)).max())
    found = eigsh(
        hessian,
        1,
        return_eigenvectors=False,
        tol=LARGEST_ACCURACY,  # type: ignore[arg-type]
        v0=np.random.default_rng(0).normal(size=len(hessian)),
    )
    return float(abs(found[0]))


def _capped(step: np.ndarray, longest: float) -> np.ndarray:
    length = float(np.linalg.norm(step))
    return step if length <= longest else step * (longest / length)


def _rms(gradient: np.ndarray) -> float:
    return float(np.sqrt(np.mean(gradient**2)))


@compiled
def _evaluate(surface: Surface, w: Float[Array, " n"]) -> tuple[Scalar, Float[Array, " n"]]:
    return surface.value_and_gradient(w)


@compiled
def _without_excluded(surface: Surface, w: Float[Array, " n"]) -> Float[Array, " n"]:
    return surface.without_excluded(w)


@compiled
def _hessian(surface: Surface, w: Float[Array, " n"]) -> Float[Array, "m m"]:
    return surface.inner_hessian(w)


def _to_inner(surface: Surface, v: np.ndarray, m: int) -> Array:
    return _inner_coordinates(surface, v, np.empty(m, bool))


@compiled
def _inner_coordinates(surface: Surface, v: Float[Array, " n"], like: Array) -> Array:
    return to_inner(surface, v[:, None], len(like))[:, 0]


@compiled
def _from_inner(surface: Surface, x: Float[Array, "m ..."]) -> Float[Array, "n ..."]:
    return surface.from_inner(x)


@compiled
def _change(
    surface: Surface,
    w: Float[Array, " n"],
    values: Float[Array, " k"],
    vectors: Float[Array, "n k"],
    step: Float[Array, " n"],
    longest: float,
) -> Scalar:
    """Return the relative change of curvature, for the displacement of `kernels.steadiness`."""
    away = displacement(values, vectors, step)
    direction = away / jnp.maximum(jnp.linalg.norm(away), 1e-300)
    here = surface.without_excluded(surface.hessian_vector_product(w, direction))
    return change_of_product(surface, w, here, away, longest)
