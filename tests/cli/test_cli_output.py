"""An output that is full or closed: one line and an exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def printed(arguments, **streams) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "lossatlas", *map(str, arguments)]
    ran = subprocess.run(command, text=True, **{"stderr": subprocess.PIPE, **streams})
    return ran.returncode, (ran.stderr or "").splitlines()


@pytest.mark.parametrize(
    "arguments",
    [["minima", "--csv"], ["transition-states", "--json"], ["status"], ["--help"], ["--version"]],
    ids=" ".join,
)
def test_a_full_disk(atlas, arguments):
    if not arguments[0].startswith("--"):
        arguments = [arguments[0], atlas, *arguments[1:]]
    with open("/dev/full", "w") as full:
        code, lines = printed(arguments, stdout=full)
    assert lines == ["lossatlas: the output cannot be written: No space left on device"]
    assert code == 1


def test_a_closed_pipe(atlas):
    reading, writing = os.pipe()
    os.close(reading)
    code, lines = printed(["minima", atlas], stdout=writing)
    os.close(writing)
    assert lines == ["lossatlas: the output was closed before all of it was written"]
    assert code == 1


def test_messages_that_cannot_be_written(atlas):
    with open("/dev/full", "w") as full:
        code, _ = printed(["minima", f"{atlas}-not-there"], stderr=full, stdout=subprocess.DEVNULL)
    assert code == 2
