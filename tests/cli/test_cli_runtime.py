"""JAX that cannot start ends a command with one message."""

import os
import subprocess
import sys

import pytest


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
