"""An exploration that is killed or asked to end: what was harvested stays, the next run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from quick_code import QUICK

from lossatlas.atlas import Atlas
from lossatlas.errors import BadInputError

STUDY = """
[data]
source = "file"
path = "rows.npz"
train = 30
test = 20
[network]
hidden = [3]
[loss]
l2 = 1e-4
[explore]
minutes = 3
"""


@pytest.fixture
def rich_study(tmp_path):
    """Random labels: far more points than a few seconds can find, and shapes of other tests."""
    random = np.random.default_rng(1)
    inputs, labels = random.normal(size=(50, 2)), random.integers(3, size=50)
    np.savez(tmp_path / "rows.npz", inputs=inputs, labels=labels)
    (tmp_path / "rich.toml").write_text(STUDY)
    return tmp_path / "rich.toml"


def _counts(path):
    with Atlas.open(path) as atlas:
        status = atlas.status()
    return np.array([status["minima"], status["transition_states"], status["attempts"]])


@pytest.fixture
def exploring(rich_study, pytestconfig):
    """Begin to explore; wait until at least so many runs and points are there."""
    path = rich_study.with_suffix(".atlas")
    environment = {**os.environ, "XLA_FLAGS": QUICK}
    environment["LOSSATLAS_CACHE"] = str(pytestconfig.cache.mkdir("compiled"))
    command = [sys.executable, "-m", "lossatlas", "explore", str(rich_study)]

    def begin(runs: int, states: int):
        running = subprocess.Popen(
            command,
            cwd=rich_study.parent,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        seen, begun = np.zeros(3, int), 0
        deadline = time.monotonic() + 170
        while running.poll() is None and time.monotonic() < deadline:
            if seen[1] >= states and begun >= runs:
                break
            time.sleep(0.2)
            if path.exists():
                with suppress(BadInputError):  # the file is there before the tables are
                    seen, begun = _counts(path), _runs(path)
        assert running.poll() is None, "still at work"
        return running, path, seen

    return begin


def _runs(path):
    with Atlas.open(path) as atlas:
        return atlas.status()["runs"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_request_to_end_is_ctrl_c(exploring, program):
    """Once in the middle of its work, and once before it has compiled anything."""
    for number, states in ((signal.SIGTERM, 1), (signal.SIGHUP, 0)):
        running, path, seen = exploring(runs=1 if states else 2, states=states)
        running.send_signal(number)
        asked = time.monotonic()
        shown, messages = running.communicate(timeout=100)
        assert running.returncode == 128 + number, messages
        assert f"stopped by {number.name}; " in shown
        assert "Traceback" not in messages
        assert time.monotonic() - asked < 60
        assert (_counts(path) >= seen).all()
        assert list(path.parent.glob("*.atlas*")) == [path]
    with Atlas.open(path) as atlas:
        assert atlas.status()["unfinished_runs"] == 0
        assert atlas.runs()["reason"].tolist() == ["interrupted", "interrupted"]
        assert atlas.minima()[["train_auc", "test_auc"]].notna().all(axis=None)


@pytest.mark.slow
def test_nothing_harvested_is_lost(exploring, rich_study, program):
    running, path, seen = exploring(runs=1, states=3)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert seen[1] >= 3

    kept = _counts(path)
    assert (kept >= seen).all()
    status = json.loads(program("status", path, "--json").stdout)
    assert status["unfinished_runs"] == 1
    assert program("verify", path).returncode == 0
    more = program("explore", rich_study, "--transition-states", kept[1] + 3, "--atlas", path)
    assert more.returncode == 0, more.stderr
    assert (_counts(path) >= kept + np.array([0, 3, 1])).all()
