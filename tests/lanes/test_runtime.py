"""JAX that cannot start: one message, which names the variable that is to blame."""

import os
import subprocess
import sys

import jax
import pytest

from lossatlas.errors import BadInputError, jax_cannot_start
from lossatlas.landscape import NetworkLandscape
from lossatlas.landscape.device import device
from lossatlas.lanes.engine import Engine


@pytest.mark.parametrize(
    ("environment", "error", "where", "remedy"),
    [
        ({"JAX_PLATFORMS": "cuda"}, AssertionError(), "JAX_PLATFORMS=cuda", "set it to cpu"),
        (
            {"JAX_PLATFORMS": "tpu", "JAX_LOG_COMPILES": "1"},
            RuntimeError("Unable to initialize backend 'tpu' (set JAX_PLATFORMS='' to choose)"),
            "JAX_PLATFORMS=tpu",
            "unset JAX_PLATFORMS",
        ),
        (
            {"JAX_PLATFORM_NAME": "gpu"},
            RuntimeError("Unknown backend: 'gpu' requested"),
            "JAX_PLATFORM_NAME=gpu",
            "unset JAX_PLATFORM_NAME",
        ),
        (
            {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "x"},
            ValueError('Invalid value "x" for JAX flag jax_num_cpu_devices'),
            "JAX_NUM_CPU_DEVICES=x",
            "correct it, or unset JAX_NUM_CPU_DEVICES",
        ),
        ({"JAX_PLATFORMS": "cpu"}, ModuleNotFoundError("No module named 'jaxlib'"), "JAX", "check"),
        ({}, RuntimeError("no device"), "JAX", "check what this prints"),
    ],
)
def test_the_variable_that_is_to_blame(monkeypatch, environment, error, where, remedy):
    for name in [name for name in os.environ if name.startswith("JAX_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    explained = jax_cannot_start(error)
    assert explained.where == where
    assert explained.problem.startswith("JAX cannot start: ")
    assert remedy in explained.remedy
    assert "\n" not in str(explained)


def test_the_library_says_so_too(monkeypatch):
    def devices(platform=None):
        raise AssertionError

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(jax, "devices", devices)
    for call in (
        device,
        lambda: Engine(None),
        lambda: NetworkLandscape([[0.0, 1.0], [1.0, 0.0]], [0, 1], (1,), 1e-2),
    ):
        with pytest.raises(BadInputError, match="JAX_PLATFORMS=cuda: JAX cannot start"):
            call()


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("JAX_PLATFORMS", "nonsense", "JAX cannot start: Unable to initialize backend 'nonsense'"),
        ("XLA_FLAGS", "--nonsense=1", "Unknown flag in XLA_FLAGS: --nonsense=1"),
        ("JAX_LOG_COMPILES", "maybe", "JAX cannot start: invalid truth value 'maybe'"),
    ],
)
def test_the_program_says_so(study, variable, value, reason):
    environment = {**os.environ, "XLA_FLAGS": "", variable: value}
    command = [sys.executable, "-m", "lossatlas", "explore", str(study)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=study.parent)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"lossatlas: {variable}={value}: {reason}")
    assert not study.with_suffix(".atlas").exists()
