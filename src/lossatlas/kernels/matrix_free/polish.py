"""Polishing and certificate by products of the Hessian and vectors, without a Hessian.

Newton steps are computed by MINRES, which needs only Hessian-vector products. The Hessian index
follows from the lowest eigenpairs. They are computed by the Lanczos method until one of them is
positive, and then once more from another random start, orthogonal to the negative modes. The second
run must confirm the lowest positive eigenvalue. A Krylov space contains only one vector of a set of
degenerate modes; if the second run finds one that the first has missed, a third run has to confirm
the result. Eigenvalues count only if their residual is small enough beside their size.

Modes that the landscape excludes are known exactly, and are not part of the spectrum here.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.compiled import compiled
from lossatlas.errors import Status
from lossatlas.kernels.matrix_free.krylov import Modes, hessian_at, lowest_modes, newton_step
from lossatlas.kernels.parts import PRODUCT_COST, Polished
from lossatlas.kernels.steadiness import change_of_curvature, displacement
from lossatlas.landscape.base import Surface
from lossatlas.typing import Scalar

ASTRAY = 5
"""Number of Newton steps that may leave a larger gradient than there was at the start, which is the
end of a quench or path; after more of them the polish is given up."""

WORTH = 0.5
"""Below the largest RMS gradient allowed, steps are taken while each reduces it to this part."""

EXACT_ENOUGH = 0.1
"""Residual of the last Newton step, as a part of the target of the gradient."""

AGREEMENT = 2.0
"""Largest difference of an eigenvalue between two runs that agree, in units of the largest residual
of an eigenpair."""


class _Arrival(NamedTuple):
    """The point at which Newton's method ended, with its energy and gradient."""

    w: np.ndarray
    energy: float
    gradient: np.ndarray
    gradients: int
    status: Status


@dataclass(frozen=True)
class IterativePolish:
    """The host call of Newton steps by Hessian-vector products; for its job see `kernels.parts`.

    In the result, `newton_length` is the bound |g| / min |eigenvalue|; it is NaN without a
    spectrum. With `downhill` True a Newton step that points uphill is turned around, and gradients
    that stay larger than at the start are taken as a sign that Newton's method was begun too early.

    Args:
        rms: largest RMS gradient of a stationary point; default 1e-12.
        target: RMS gradient below which a polish ends at once; default 1e-14. Between `target` and
            `rms` it ends when a step does not halve the gradient.
        max_step: largest length of a step, in units of the weights; default 0.3.
        max_evaluations: number of Newton steps after which a polish is given up; default 40.
        n_modes: number of lowest eigenpairs to compute; default 4.
        solution: relative residual of the Newton steps; default 1e-4.
        residual: largest residual of an eigenpair, relative to its eigenvalue; default 1e-3.
        max_basis: largest number of Lanczos vectors, each of which takes the memory of a vector of
            weights; default 1000.
        max_products: largest number of Hessian-vector products for one Newton step; default 20,000.
        confirmations: largest number of runs that try to confirm the spectrum; default 6.
        seed: seed of the random starts of the Lanczos method; default 0.
    """

    rms: float = 1e-12
    target: float = 1e-14
    max_step: float = 0.3
    max_evaluations: int = 40
    n_modes: int = 4
    solution: float = 1e-4
    residual: float = 1e-3
    max_basis: int = 1000
    max_products: int = 20000
    confirmations: int = 6
    seed: int = 0

    def call(
        self, surface: Surface, w: Float[np.ndarray, " n"], downhill: Bool[np.ndarray, ""]
    ) -> Polished:
        """Polish a point and certify where it leads.

        Args:
            surface: the compiled half of the landscape.
            w: (n,) the point to begin at.
            downhill: whether the steps are to lead to a minimum.
        """
        arrival = self._newton(surface, w, bool(downhill))
        status = arrival.status
        found, certain = _nothing(len(w)), False
        if status is Status.CONVERGED:
            found, certain = self._spectrum(surface, arrival.w)
            status = Status.CONVERGED if certain else Status.UNDECIDED
        length, change, products = np.nan, np.inf, found.products
        if len(found.values):
            length = np.linalg.norm(arrival.gradient) / np.abs(found.values).min()
        if certain:
            modes = (arrival.gradient, found.values, found.vectors)
            change = float(_change(surface, arrival.w, *modes, self.max_step))
            products += 1
        return Polished(
            w=arrival.w,
            energy=arrival.energy,
            rms_gradient=_rms(arrival.gradient),
            newton_length=length,
            eigenvalues=found.values,
            modes=found.vectors,
            largest_eigenvalue=found.largest,
            curvature_change=change,
            gradients=arrival.gradients + PRODUCT_COST * products,
            hessians=0,
            status=status,
        )

    def _newton(self, surface: Surface, w: np.ndarray, downhill: bool) -> _Arrival:
        arrival = _arrive(surface, w, 0)
        start, larger = _rms(arrival.gradient), 0
        for _ in range(self.max_evaluations):
            gradient, before = arrival.gradient, _rms(arrival.gradient)
            if before <= self.target or not np.isfinite(before):
                break
            # Near the end a step need not be more exact than the target requires.
            solution = max(self.solution, EXACT_ENOUGH * self.target / before)
            found = newton_step(surface, arrival.w, -gradient, solution, self.max_products)
            step = np.asarray(found.x)
            if downhill and step @ gradient > 0:
                step = -step
            w = arrival.w + step * min(1.0, self.max_step / np.linalg.norm(step))
            arrival = _arrive(surface, w, arrival.gradients + PRODUCT_COST * int(found.products))
            now = _rms(arrival.gradient)
            larger += downhill and now > start
            if WORTH * before < now <= self.rms or larger > ASTRAY:
                break
        rms = _rms(arrival.gradient)
        status = Status.CONVERGED if rms <= self.rms else Status.NOT_STATIONARY
        return arrival._replace(status=status if np.isfinite(rms) else Status.NOT_FINITE)

    def _spectrum(self, surface: Surface, w: np.ndarray) -> tuple[Modes, bool]:
        """Return the lowest eigenpairs, and whether another run has confirmed them."""
        random, n = np.random.default_rng(self.seed), len(w)
        find = partial(
            lowest_modes,
            hessian_at(surface, w),
            random=random,
            residual=self.residual,
            max_basis=self.max_basis,
        )
        found = find(self.n_modes, away=np.zeros((0, n)))
        while found.converged and not (found.values > 0).any():
            more = find(2 * len(found.values), away=np.zeros((0, n)))
            found = more._replace(products=found.products + more.products)
        confirmed = False
        for _ in range(self.confirmations):
            if confirmed or not found.converged:
                break
            again = find(1, away=found.vectors[found.values < 0])
            found, confirmed = self._merged(found, again)
        return found, found.converged and confirmed

    def _merged(self, found: Modes, again: Modes) -> tuple[Modes, bool]:
        """Add an eigenpair that only the second run has found, and say whether both runs agree."""
        products = found.products + again.products
        found = found._replace(products=products, converged=again.converged)
        lowest, other = found.values[found.values > 0][0], again.values[0]
        if abs(other - lowest) <= AGREEMENT * self.residual * lowest:
            return found, True
        if not again.converged or other > lowest:
            return found, False
        place = np.searchsorted(found.values, other)
        values = np.insert(found.values, place, other)
        vectors = np.insert(found.vectors, place, again.vectors[0], axis=0)
        return found._replace(values=values, vectors=vectors), False


def _nothing(n: int) -> Modes:
    return Modes(np.empty(0), np.empty((0, n)), 0.0, 0, False)


def _arrive(surface: Surface, w: np.ndarray, gradients: int) -> _Arrival:
    energy, gradient = _evaluate(surface, w)
    return _Arrival(w, float(energy), np.asarray(gradient), gradients + 1, Status.RUNNING)


@compiled
def _evaluate(surface: Surface, w: Float[Array, " n"]) -> tuple[Scalar, Float[Array, " n"]]:
    return surface.value_and_gradient(w)


@compiled
def _change(
    surface: Surface,
    w: Float[Array, " n"],
    gradient: Float[Array, " n"],
    values: Float[Array, " k"],
    modes: Float[Array, "k n"],
    longest: float,
) -> Scalar:
    """Return the relative change of curvature along the lowest modes (k, n).

    These are enough, since all other modes are known to be stiffer.
    """
    vectors = jnp.asarray(modes).T
    step = -vectors @ ((vectors.T @ gradient) / values)
    away = displacement(values, vectors, step)
    return change_of_curvature(surface, w, values, vectors, away, longest)


def _rms(gradient: np.ndarray) -> float:
    return float(np.sqrt(np.mean(gradient**2)))
