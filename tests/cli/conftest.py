"""One small atlas, explored once through the command line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from quick_code import QUICK

STUDY = """
[data]
source = "file"
path = "rows.npz"
train = 30
test = 20
split = "ordered"
[network]
hidden = [3]
[loss]
l2 = 1e-3
[explore]
minutes = 1
"""


@pytest.fixture(scope="session", autouse=True)
def _own_environment(own_environment) -> None:
    """Of all commands here, also those that are not run by `run`."""


def write_study(folder: Path, content: str = STUDY) -> Path:
    """A study with its data, three overlapping clouds."""
    random = np.random.default_rng(2)
    labels = np.arange(50) % 3
    centers = np.array([[0.0, 0.0], [1.0, 0.5], [0.3, 1.0]])
    inputs = centers[labels] + 0.7 * random.normal(size=(50, 2))
    np.savez(folder / "rows.npz", inputs=inputs, labels=labels)
    (folder / "small.toml").write_text(content)
    return folder / "small.toml"


@pytest.fixture(scope="session")
def program(pytestconfig: pytest.Config) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program in a process of its own, where code compiled before is used again."""
    environment = {**os.environ, "XLA_FLAGS": QUICK}
    if pytestconfig.cache is not None:
        environment["LOSSATLAS_CACHE"] = str(pytestconfig.cache.mkdir("compiled"))

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lossatlas", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return call


@pytest.fixture(scope="session")
def explored(tmp_path_factory, program) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The atlas of the study, and what exploring it printed."""
    folder = tmp_path_factory.mktemp("explored")
    atlas = folder / "small.atlas"
    study = write_study(folder)
    # Minutes enough to compile on a busy machine: the number decides when it ends.
    limits = ["--minutes", 10, "--transition-states", 3, "--independent-share", 0.3]
    ran = program("explore", study, "--atlas", atlas, *limits, "--json")
    assert ran.returncode == 0, ran.stderr
    return atlas, ran


@pytest.fixture
def atlas(explored, tmp_path: Path) -> Path:
    """A copy of the explored atlas."""
    return Path(shutil.copy(explored[0], tmp_path / "small.atlas"))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path)
