"""Locally optimal refinement of the softest mode."""

import jax
import numpy as np

from lossatlas.kernels import lbfgs
from lossatlas.kernels.matrix_free.softest_mode import begin, refine, refined, unit

N = 60
REFINE = jax.jit(refine)


def matrix(seed=0):
    random = np.random.default_rng(seed)
    vectors = np.linalg.qr(random.normal(size=(N, N)))[0]
    values = np.concatenate([[-0.01], np.geomspace(0.02, 1.0, N - 1)])
    return (vectors * values) @ vectors.T, vectors, random


def test_refinement_goes_down_to_the_lowest_eigenpair():
    hessian, vectors, random = matrix()
    start = np.asarray(unit(random.normal(size=N)))
    mode, value = begin(start, hessian @ start), np.inf
    for _ in range(120):
        direction = unit(mode.residual)
        mode = REFINE(mode, direction, hessian @ direction)
        assert mode.value <= value + 1e-14
        value = mode.value
    np.testing.assert_allclose(mode.value, -0.01, atol=1e-9)
    assert abs(mode.vector @ vectors[:, 0]) > 1 - 1e-6
    np.testing.assert_allclose(mode.product, hessian @ mode.vector, atol=1e-10)


def test_a_learning_preconditioner_takes_fewer_products():
    hessian, _, random = matrix(1)
    start = np.asarray(unit(random.normal(size=N)))

    def products(learning):
        mode, model = begin(start, hessian @ start), lbfgs.init(start, 40, 1.0)
        for count in range(500):
            if np.linalg.norm(mode.residual) < 1e-3 * abs(mode.value):
                return count
            mode, pair = STEP(hessian, mode, model)
            model = lbfgs.update(model, *pair) if learning else model
        return 500

    assert products(True) < products(False) < 500


STEP = jax.jit(
    lambda hessian, mode, model: refined(lambda v: hessian @ v, lambda v: v, mode, model)
)


def test_an_exact_mode_and_one_without_company_stay_what_they_are():
    hessian = np.diag(np.arange(1.0, 5.0))
    first = np.eye(4)[0]
    onto = np.diag([1.0, 0.0, 0.0, 0.0])
    for start, project in ((first, np.eye(4)), (np.eye(4)[0], onto)):
        mode, model = begin(start, hessian @ start), lbfgs.init(start, 5, 1.0)
        for _ in range(3):
            mode, pair = refined(lambda v: hessian @ v, lambda v, p=project: p @ v, mode, model)
            model = lbfgs.update(model, *pair)
            np.testing.assert_allclose(mode.value, 1.0)
            np.testing.assert_allclose(mode.vector, first, atol=1e-12)
