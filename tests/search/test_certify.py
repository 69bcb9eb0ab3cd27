"""Certificates: curvatures that vanish at the exact point have no sign, soft ones have."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lane_runs import in_order

from lossatlas.errors import Status
from lossatlas.kernels.matrix_free.polish import IterativePolish
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.certify import certified
from lossatlas.search.tools import default_tools

DEGREE = 8


class Polynomial(NamedTuple):
    """A polynomial of two coordinates, whose coefficients are data: one compilation for all.

    Attributes:
        coefficients: (2, 9) of the powers of each coordinate.
        monkey: coefficient of the monkey saddle x^3 - 3 x y^2.
        mixed: coefficient of x^2 y.
        center: (2,) the origin of the coordinates.
    """

    coefficients: jax.Array
    monkey: jax.Array
    mixed: jax.Array
    center: jax.Array

    def energy(self, w):
        x, y = w - self.center
        parts = [jnp.polyval(row[::-1], z) for row, z in zip(self.coefficients, (x, y))]  # noqa: B905
        return sum(parts) + self.monkey * (x**3 - 3.0 * x * y**2) + self.mixed * x**2 * y

    def value_and_gradient(self, w):
        return jax.value_and_grad(self.energy)(w)

    def inner_hessian(self, w):
        return jax.hessian(self.energy)(w)

    def from_inner(self, x):
        return x

    def hessian_vector_product(self, w, v):
        return jax.jvp(jax.grad(self.energy), (w,), (v,))[1]

    def without_excluded(self, v):
        return v


LANDSCAPE = FunctionLandscape(lambda w: w @ w, [-1, -1], [1, 1], "stands for its lengths")


def powers(**terms):
    """(9,) coefficients from e.g. p4=1.0."""
    row = np.zeros(DEGREE + 1)
    for name, value in terms.items():
        row[int(name[1:])] = value
    return row


WELL = np.poly1d([1.0, 0.0, -1.0]) ** 4  # (x^2 - 1)^4, multiplied out: rounding is large near 1
DEGENERATE = {
    "quartic and quadratic": (powers(p4=1.0), powers(p2=2.0), {}),
    "quartic twice": (powers(p4=1.0), powers(p4=3.0), {}),
    "quartic beside a soft mode": (powers(p4=1.0), powers(p2=1e-5), {}),
    "quartic transition state": (powers(p4=-1.0), powers(p2=1.0), {}),
    "sixth power": (powers(p6=1.0), powers(p2=1.0), {}),
    "eighth power": (powers(p8=1.0), powers(p6=1.0), {}),
    "inflection": (powers(p3=1.0), powers(p2=1.0), {}),
    "monkey saddle": (powers(), powers(), {"monkey": 1.0}),
    "steep monkey saddle": (powers(), powers(p4=0.1), {"monkey": 50.0}),
    "multiplied out": (WELL.coeffs[::-1], powers(p2=1.0), {"start": (1.0, 0.0)}),
    "far from the origin": (powers(p4=1.0), powers(p2=1.0), {"center": (3e3, 3e3)}),
    "nothing but zero": (powers(), powers(), {}),
}
REGULAR = {
    "simple": (powers(p2=1.0, p3=0.5), powers(p2=3.0), {}),
    "soft": (powers(p2=3e-6, p4=1e-3), powers(p2=1.0), {}),
    "soft and bent": (powers(p2=1e-5, p3=1e-3), powers(p2=1.0), {"mixed": 0.1}),
    "soft transition state": (powers(p2=-5e-6, p4=1e-2), powers(p2=1.0), {}),
    "large constant": (powers(p0=1e6, p2=1e-5), powers(p2=1.0, p4=1.0), {}),
    "far from the origin": (powers(p2=1e-4), powers(p2=1.0), {"center": (30.0, 30.0)}),
}


def certificates(case, scale, spread, kernel=None, downhill=True):
    first, second, options = case
    center = np.array(options.get("center", (0.0, 0.0)))
    surface = Polynomial(
        scale * jnp.asarray(np.stack([first, second])),
        jnp.asarray(scale * options.get("monkey", 0.0)),
        jnp.asarray(scale * options.get("mixed", 0.0)),
        jnp.asarray(center),
    )
    tools = default_tools(LANDSCAPE)
    tools = tools if kernel is None else tools._replace(polish=kernel)
    random = np.random.default_rng(0)
    begin = center + options.get("start", (0.0, 0.0))
    starts = begin + spread * random.uniform(-1.0, 1.0, (12, 2))
    searches = [certified(tools, w, downhill=downhill and k % 2 == 1) for k, w in enumerate(starts)]
    return in_order(Engine(surface), searches)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_points_are_never_certified(name, scale):
    """Exactly zero at the exact point, a small number of either sign wherever one arrives."""
    found = certificates(DEGENERATE[name], scale, 0.3)
    assert all(certificate.point is None for certificate in found)
    assert {c.status for c in found} <= {Status.UNDECIDED, Status.NOT_STATIONARY}


@pytest.mark.parametrize("name", REGULAR)
def test_soft_curvatures_are_certified(name):
    """Down to 3e-6, as in networks."""
    first, second, options = REGULAR[name]
    exact = sorted([2.0 * first[2], 2.0 * second[2]])
    found = certificates((first, second, options), 1.0, 1e-4, downhill=exact[0] > 0)
    assert all(certificate.status is Status.CONVERGED for certificate in found)
    for certificate in found:
        np.testing.assert_allclose(certificate.point.lowest_eigenvalues, exact, rtol=1e-4)
        assert certificate.point.index == (exact[0] < 0)


@pytest.mark.parametrize("scale", [1e-6, 1e3])
def test_a_scaled_function_is_certified_likewise(scale):
    found = certificates(REGULAR["simple"], scale, 1e-2)
    assert all(certificate.status is Status.CONVERGED for certificate in found)


def test_the_iterative_certificate_looks_as_well():
    """Two coordinates would be too few for Lanczos; the kernel works on them all the same."""
    kernel = IterativePolish(n_modes=2)
    degenerate = certificates(DEGENERATE["quartic and quadratic"], 1.0, 0.3, kernel)
    regular = certificates(REGULAR["simple"], 1.0, 1e-2, kernel)
    assert all(certificate.point is None for certificate in degenerate)
    assert {certificate.status for certificate in regular} == {Status.CONVERGED}
