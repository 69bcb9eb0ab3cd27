"""What JAX computes on, and with which flags."""

import os
import subprocess
import sys

import pytest

WIDTH = "--xla_cpu_prefer_vector_width"
PROGRAM = f"""
import os, jax
{{first}}
from lossatlas.landscape.device import jax_runs, xla_flags
print(jax_runs())
os.environ["XLA_FLAGS"] = "{WIDTH}=256"
print(xla_flags())
os.environ["XLA_FLAGS"] = ""
print(xla_flags())
"""


@pytest.mark.parametrize(
    ("first", "runs", "width"), [("jax.devices()", "True", "512"), ("", "False", "256")]
)
def test_flags_are_those_of_the_start(first, runs, width):
    """JAX that runs has read the variable; other JAX reads it at its first device."""
    environment = {**os.environ, "XLA_FLAGS": f"{WIDTH}=512"}
    program = [sys.executable, "-c", PROGRAM.format(first=first)]
    ran = subprocess.run(program, capture_output=True, text=True, env=environment)
    flags = f"{WIDTH}={width}"
    assert (ran.stdout.split(), ran.stderr) == ([runs, flags, flags], "")
