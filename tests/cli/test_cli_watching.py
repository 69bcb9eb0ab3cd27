"""Long runs as users and programs see them: the log, lines of progress, status that goes on."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from quick_code import QUICK

from lossatlas.cli.run_log import RunLog
from lossatlas.exploration.explorer import Progress

STATE = Progress(12.0, 3, 4, 50, 1, 2, {"connect": 50})


def test_the_exploration_left_a_log(explored):
    atlas, ran = explored
    lines = atlas.with_suffix(".log").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4}  \S", line) for line in lines)
    assert "explore " in lines[0]
    assert "--transition-states 3" in lines[0]
    assert "there are as many points as asked for" in lines[-1]
    assert json.loads(ran.stdout)["atlas"] == str(atlas)


def test_a_log_gets_a_line_a_minute(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("lossatlas.cli.run_log.time.monotonic", lambda: now[0])
    log = RunLog(tmp_path / "a.log")
    for _ in range(200):
        log.report(STATE)
        now[0] += 1.0
    lines = (tmp_path / "a.log").read_text().splitlines()
    assert len(lines) == 4
    assert "round 2: 3 minima, 4 transition states, 50 attempts in 12 s" in lines[0]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    RunLog(tmp_path / "none" / "a.log").write("a line")
    RunLog(None).report(STATE)


@pytest.mark.slow
def test_workers_of_a_cluster_and_lines_of_progress(atlas, study, program):
    pytest.importorskip("distributed", reason="no Dask: pip install 'lossatlas[cluster]'")
    wanted = json.loads(program("status", atlas, "--json").stdout)["transition_states"] + 2
    log = atlas.with_name("own.log")
    ran = program(
        *("explore", study, "--atlas", atlas, "--transition-states", wanted, "--json"),
        *("--cluster", "local:1", "--progress", "json", "--log", log, "--minutes", 10),
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["transition_states"] >= wanted
    states = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("{")]
    assert states
    assert set(states[-1]) == set(Progress._fields)
    assert "cluster local:1: 1 threads of workers" in ran.stderr
    assert "cluster local:1" in log.read_text()
    checked = program("verify", atlas, "--cluster", "local:1", "--sample", 2, "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["checked_minima"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_status_that_is_watched(atlas: Path):
    command = [sys.executable, "-m", "lossatlas", "status", str(atlas), "--watch", "0.1", "--json"]
    environment = {**os.environ, "XLA_FLAGS": QUICK}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as watching:
        assert watching.stdout is not None
        lines = [json.loads(watching.stdout.readline()) for _ in range(3)]
        watching.send_signal(signal.SIGTERM)
        watching.communicate()
    assert watching.returncode == 143
    assert lines[0]["minima"] == lines[2]["minima"] > 0
