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
from lossatlas.lanes.runtime import PREALLOCATE, configure


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


IN_TIME = """
import os, warnings
warnings.simplefilter("error")
import lossatlas as la
la.configure(compiled_code=folder)
la.configure(compiled_code=folder)
import jax, jax.numpy as jnp
print(os.environ["XLA_FLAGS"])
print(jax.jit(jnp.sin)(jnp.zeros(3)).dtype)
"""
TOO_LATE = """
import os, warnings
import jax, jax.numpy as jnp
jax.jit(jnp.cos)(jnp.zeros(3))
import lossatlas as la
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    la.configure(compiled_code=folder)
print([str(w.message) for w in said if w.category is UserWarning], said[0].filename)
print(os.environ["XLA_FLAGS"], jax.jit(jnp.sin)(jnp.zeros(3)).dtype)
"""


def configured(program: str, folder, tmp_path) -> tuple[list[str], list[str]]:
    """What a process prints, and the names of the functions whose compiled code it has kept."""
    environment = {**os.environ, "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=true"}
    code = program.replace("folder", repr(folder))
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    kept = sorted(path.name.split("-")[0] for path in tmp_path.rglob("*-cache"))
    return ran.stdout.splitlines(), kept


def test_configure_in_time(tmp_path):
    """Flags that the user has set stay; twice is as good as once."""
    (flags, kind), kept = configured(IN_TIME, str(tmp_path / "kept"), tmp_path)
    assert flags == "--xla_cpu_multi_thread_eigen=true --xla_cpu_prefer_vector_width=512"
    assert kind == "float64"
    assert any("sin" in name for name in kept)


@pytest.mark.parametrize(("given", "then"), [(None, "false"), ("true", "true")])
def test_memory_of_a_card_is_taken_when_it_is_needed(monkeypatch, given, then):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512")  # nothing is too late
    monkeypatch.delenv(PREALLOCATE, raising=False)
    if given is not None:
        monkeypatch.setenv(PREALLOCATE, given)
    with jax.enable_x64(True):
        configure(float64=False, single_threaded=False, compiled_code=False)
    assert os.environ[PREALLOCATE] == then


def test_configure_too_late(tmp_path):
    """What can still be changed is, and a warning says what cannot."""
    (said, state), kept = configured(TOO_LATE, str(tmp_path / "kept"), tmp_path)
    assert said.startswith("['JAX runs already, so these flags cannot be set any more: ")
    assert "--xla_cpu_prefer_vector_width=512; " in said
    assert "multi_thread_eigen" not in said  # the user has chosen it
    assert said.endswith(" <string>")  # where it was called
    assert state == "--xla_cpu_multi_thread_eigen=true float64"
    assert any("sin" in name for name in kept)
    assert not any("cos" in name for name in kept)


def test_what_configure_shall_not_do_it_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv("LOSSATLAS_CACHE", str(tmp_path / "unused"))
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512")
    before = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    with jax.enable_x64(False):
        configure(float64=False, single_threaded=False, compiled_code=False)
        assert jax.numpy.zeros(1).dtype == "float32"
    assert jax.config.jax_compilation_cache_dir == before  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(BadInputError, match="compiled code cannot be kept there"):
        configure(compiled_code=tmp_path / "file")
