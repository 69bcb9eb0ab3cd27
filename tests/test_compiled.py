"""Matrix products of compiled code ask for all bits, whoever calls: no TF32 on NVIDIA cards."""

import ast
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_networks import small_data

from lossatlas.exploration import ode_flow
from lossatlas.kernels.matrix_free import krylov
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.blocks import idle, layout_of
from lossatlas.lanes.steps import _advance
from lossatlas.search.tools import a_job_each, default_tools

PACKAGE = Path(__file__).parent.parent / "src" / "lossatlas"
LANDSCAPES = {
    "one hidden layer": NetworkLandscape(*small_data(), (3,), 1e-2),
    "two hidden layers": NetworkLandscape(*small_data(), (2, 2), 1e-2),
}
KERNELS = {
    f"{name}, {method}, {type(kernel).__name__}": (kernel, landscape.surface, job)
    for name, landscape in LANDSCAPES.items()
    for method in ("dense", "matrix-free")
    for kernel, job in a_job_each(default_tools(landscape, method))
}


def products_in(lowered):
    """The lines of a lowered function that multiply matrices."""
    return [line for line in lowered.as_text().splitlines() if "dot_general" in line]


def all_in_full_precision(lowered):
    lines = products_in(lowered)
    return bool(lines) and all(re.search(r"precision = \[HIGHEST, HIGHEST\]", x) for x in lines)


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_multiplies_in_full_precision(name, vectorized):
    kernel, surface, job = KERNELS[name]
    layout = layout_of(kernel, surface, job)
    rows = np.ones((2, 1 + layout.jobs.size))
    static = {"kernel": kernel, "jobs": layout.jobs, "vectorized": vectorized}
    with jax.default_matmul_precision("bfloat16"):  # a caller who wants less does not get it
        lowered = _advance.lower(surface, idle(2, layout), rows, **static)
    assert all_in_full_precision(lowered)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_functions_that_the_host_calls_multiply_in_full_precision(name):
    surface, w = LANDSCAPES[name].surface, jnp.ones(LANDSCAPES[name].n_weights)
    matrix = krylov.hessian_at(surface, w)
    state = krylov._empty(np.zeros((0, len(w))), 8)
    assert all_in_full_precision(ode_flow._gradient.lower(surface, w))
    assert all_in_full_precision(ode_flow._hessian.lower(surface, w))
    assert all_in_full_precision(krylov.newton_step.lower(surface, w, w, 0.1, max_products=3))
    assert all_in_full_precision(krylov._extend_basis.lower(matrix, state, 8))


def test_single_precision_is_what_the_rough_surface_multiplies_in():
    """The products that TF32 would spoil are there, so that the tests above are about them."""
    surface, w = LANDSCAPES["one hidden layer"].surface, jnp.ones(2 * 3 + 3 * 4 + 3 + 4)
    rough = jax.jit(lambda s, w: s.rough().inner_hessian(w.astype(jnp.float32)))
    assert any("f32" in line for line in products_in(rough.lower(surface, w)))
    assert not all_in_full_precision(rough.lower(surface, w))


def test_nothing_is_compiled_otherwise():
    """`jax.jit` stands in `compiled.py` alone."""
    for path in sorted(PACKAGE.rglob("*.py")):
        names = {
            f"{node.value.id}.{node.attr}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        used = names & {"jax.jit", "jax.pmap"}
        assert not used or path.name == "compiled.py", f"{path} uses {used}"
