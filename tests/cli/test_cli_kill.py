"""kill -9 in the middle of an exploration: what was harvested stays, and the next run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest

from lossatlas.atlas import Atlas
from lossatlas.errors import BadInputError

STUDY = """
[data]
source = "file"
path = "rows.npz"
train = 60
test = 20
[network]
hidden = [4]
[loss]
l2 = 5e-4
[explore]
minutes = 3
"""


@pytest.fixture
def rich_study(tmp_path):
    """Random labels: far more points than a few seconds can find."""
    random = np.random.default_rng(1)
    inputs, labels = random.normal(size=(80, 2)), random.integers(3, size=80)
    np.savez(tmp_path / "rows.npz", inputs=inputs, labels=labels)
    (tmp_path / "rich.toml").write_text(STUDY)
    return tmp_path / "rich.toml"


def _counts(path):
    with Atlas.open(path) as atlas:
        status = atlas.status()
    return np.array([status["minima"], status["transition_states"], status["attempts"]])


def test_nothing_harvested_is_lost(rich_study, program, pytestconfig):
    path = rich_study.with_suffix(".atlas")
    environment = {**os.environ, "XLA_FLAGS": ""}
    environment["LOSSATLAS_CACHE"] = str(pytestconfig.cache.mkdir("compiled"))
    command = [sys.executable, "-m", "lossatlas", "explore", str(rich_study)]
    running = subprocess.Popen(
        command, cwd=rich_study.parent, env=environment, stdout=subprocess.DEVNULL
    )
    seen = np.zeros(3, int)
    deadline = time.monotonic() + 170
    while running.poll() is None and time.monotonic() < deadline and seen[1] < 3:
        time.sleep(0.2)
        if path.exists():
            with suppress(BadInputError):  # the file is there before the tables are
                seen = _counts(path)
    assert running.poll() is None, "killed while it is at work"
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert seen[1] >= 3

    kept = _counts(path)
    assert (kept >= seen).all()
    status = json.loads(program("status", path, "--json").stdout)
    assert status["unfinished_runs"] == 1
    assert program("verify", path).returncode == 0
    more = program("explore", rich_study, "--transition-states", kept[1] + 3, "--atlas", path)
    assert more.returncode == 0, more.stderr
    assert (_counts(path) >= kept + np.array([0, 3, 1])).all()
