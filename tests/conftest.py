"""Shared fixtures: float64 on, two CPU devices, and the reference folder."""

import os
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_enable_x64", True)

# Before anything of the library is imported. `symmetry` and its like are left out: their NumPy
# functions are called so often that checks would make their tests a quarter slower.
LANDSCAPE = ("architecture", "base", "network", "network_hessian", "network_landscape")
CHECKED = ["lossatlas.kernels", *(f"lossatlas.landscape.{name}" for name in LANDSCAPE)]
install_import_hook([*CHECKED, "lossatlas.landscape.softmax_shift"], "shape_checks.shapes")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference files; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("LOSSATLAS_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference files at {folder} (set LOSSATLAS_SHARED)")
    return folder
