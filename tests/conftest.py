"""Shared fixtures: float64 on, two CPU devices, the reference folder, the program."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from quick_code import QUICK

os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count=2 {QUICK}")

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_enable_x64", True)

# Before anything of the library is imported. `symmetry` and its like are left out: their NumPy
# functions are called so often that checks would make their tests a quarter slower.
LANDSCAPE = (
    "architecture",
    "base",
    "function_landscape",
    "function_surface",
    "network",
    "network_hessian",
    "network_landscape",
)
CHECKED = ["lossatlas.kernels", *(f"lossatlas.landscape.{name}" for name in LANDSCAPE)]
install_import_hook([*CHECKED, "lossatlas.landscape.softmax_shift"], "shape_checks.shapes")

REPOSITORY = Path(__file__).parent.parent

TOGETHER = {name: name for name in ("cli", "distribution", "exploration")}
TOGETHER |= dict.fromkeys(("benchmarks", "testing"), "exploration")
"""Folders whose files share an exploration, pools of workers, or code that was compiled."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One of the processes of pytest-xdist runs all tests of a file, or of the folders above."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return TOGETHER.get(Path(file).parent.name, file)

    return Together(config, log)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference files; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("LOSSATLAS_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference files at {folder} (set LOSSATLAS_SHARED)")
    return folder


@pytest.fixture(scope="session")
def own_environment() -> Iterator[None]:
    """Commands set variables for JAX; tests keep no compiled code in the user's folder.

    JAX runs already in this process: the flags of the program count as set.
    """
    from lossatlas.landscape.device import device
    from lossatlas.lanes.runtime import XLA_FLAGS

    device()

    flags = [f"{flag}={value}" for flag, value in XLA_FLAGS.items()]
    flags.insert(0, os.environ.get("XLA_FLAGS", ""))
    with mock.patch.dict(os.environ, {"LOSSATLAS_CACHE": "", "XLA_FLAGS": " ".join(flags)}):
        yield


@pytest.fixture(scope="session")
def run(own_environment) -> Callable[..., Any]:
    """Run the program in this process; gives a `typer.testing.Result`."""
    from typer.testing import CliRunner

    from lossatlas.program import app

    def invoke(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke
