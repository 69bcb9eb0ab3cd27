"""`lossatlas explore`: from a study to an atlas, again, and what it refuses."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Exploration

GROW = "lossatlas.studies.exploring.grow"


def ending(ended: Exploration):
    """What stands in for an exploration that ended so."""

    def grow(landscape, atlas, *_):
        atlas.exploration = ended

    return grow


def test_an_atlas_is_made(explored):
    atlas, result = explored
    ended = json.loads(result.stdout)
    assert ended["atlas"] == str(atlas)
    assert ended["reason"] == "number"
    assert ended["transition_states"] >= 3
    with Atlas.open(atlas) as opened:
        counts = opened.status()
        assert counts["minima"] == ended["minima"] > 0
        assert counts["transition_states"] == ended["transition_states"]
        assert opened.problem.specification["name"] == "small"


def test_exploring_computes_the_auc_columns(explored):
    with Atlas.open(explored[0]) as opened:
        assert opened.minima()[["train_auc", "test_auc"]].notna().all(axis=None)


def test_an_atlas_is_continued_and_enough_is_enough(run, atlas, study):
    with Atlas.open(atlas) as opened:
        before = opened.status()
    wanted = before["transition_states"]
    result = run("explore", study, "--atlas", atlas, "--transition-states", wanted)
    assert result.exit_code == 0, result.output
    assert "as many points as asked for; 0 attempts" in result.stdout
    assert "nothing was explored" in result.stderr
    with Atlas.open(atlas) as opened:
        after = opened.status()
    assert after["runs"] == before["runs"] + 1
    assert after["minima"] == before["minima"]


def test_options_replace_those_of_the_study(run, study, monkeypatch, tmp_path):
    seen = []

    def grow(landscape, atlas, options, report, started, tools):
        seen.append((options, time.monotonic() - started))
        atlas.exploration = Exploration("time", 0, 0, 0, 0.0, 0.0)

    monkeypatch.setattr(GROW, grow)
    monkeypatch.chdir(tmp_path)
    assert run("explore", study).exit_code == 0
    assert (tmp_path / "small.atlas").exists()  # named after the study
    flags = ["--minutes", 0.5, "--transition-states", 9, "--seed", 8, "--lanes", 3]
    flags += ["--cpu-minutes", 0.75, "--until", 0.98, "--independent-share", 0.25]
    assert run("explore", study, *flags).exit_code == 0
    (first, elapsed), (second, _) = seen
    assert (first.minutes, first.transition_states, first.seed, first.lanes) == (1, None, 0, None)
    assert (second.minutes, second.transition_states, second.seed, second.lanes) == (0.5, 9, 8, 3)
    assert (first.cpu_minutes, second.cpu_minutes) == (None, 0.75)
    assert (first.until, first.independent_share) == (None, None)
    assert (second.until, second.independent_share) == (0.98, 0.25)
    assert 0 < elapsed < 60


def test_that_an_atlas_is_complete_is_said(run, study, monkeypatch, tmp_path):
    ended = Exploration("complete", 5, 8, 1704, 20.0, 30.0)
    monkeypatch.setattr(GROW, ending(ended))
    result = run("explore", study, "--atlas", tmp_path / "a.atlas", "--until", 0.99)
    assert (result.exit_code, "as complete as asked for" in result.stdout) == (0, True)


def test_interruption_has_its_own_exit_code(run, study, monkeypatch, tmp_path):
    def stopped(*_):
        raise KeyboardInterrupt

    target = tmp_path / "a.atlas"
    monkeypatch.setattr(GROW, ending(Exploration("interrupted", 3, 2, 1, 0.0, 0.0)))
    result = run("explore", study, "--atlas", target)
    assert (result.exit_code, "interrupted; 1 attempt" in result.stdout) == (130, True)
    assert "AUC" not in result.stderr
    monkeypatch.setattr(GROW, ending(Exploration("interrupted", 10**6, 0, 1, 0.0, 0.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = run("explore", study, "--atlas", target)
    assert f"do it by: lossatlas auc {target}" in result.stderr
    assert result.exit_code == 130
    monkeypatch.setattr(GROW, stopped)
    result = run("explore", study, "--atlas", target)
    assert (result.exit_code, "committed is safe" in result.stderr) == (130, True)


def test_a_time_too_short_for_compiling(run, study, monkeypatch, tmp_path):
    endings = [
        (Exploration("time", 0, 0, 0, 6.3, 3.0), "too short to find anything", "1 minute"),
        (
            Exploration("time", 9, 0, 4, 50.0, 9.0, ("Band", "Flow"), 40.0),
            "(Band, Flow)",
            "2 minutes",
        ),
        (Exploration("time", 0, 0, 0, 1.0, 1.0, ("Quench",), 130.0), "(Quench)", "3 minutes"),
    ]
    for ended, *parts in endings:
        monkeypatch.setattr(GROW, ending(ended))
        result = run("explore", study, "--atlas", tmp_path / "a.atlas")
        assert result.exit_code == 0, result.output
        message = result.stderr.splitlines()[-1]
        for part in ("the time was too short", *parts):
            assert part in message
    monkeypatch.setattr(GROW, ending(Exploration("time", 3, 2, 9, 6.0, 3.0)))
    assert "too short" not in run("explore", study, "--atlas", tmp_path / "a.atlas").stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
@pytest.mark.slow
def test_ctrl_c_ends_a_real_run(study, tmp_path):
    atlas = tmp_path / "a.atlas"
    command = [sys.executable, "-m", "lossatlas", "explore", str(study), "--atlas", str(atlas)]
    command += ["--minutes", "10"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 50
    while not atlas.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in messages
    with Atlas.open(atlas) as opened:
        opened.status()


def refused(result, *parts: str) -> None:
    """Exit code 2, one message with these parts, no traceback."""
    assert result.exit_code == 2, result.output
    message = result.stderr.splitlines()[-1]
    assert message.startswith("lossatlas: ")
    assert "Traceback" not in result.output
    for part in parts:
        assert part in message


CHANGES = {
    "unknown key": ('path = "rows.npz"', 'pth = "rows.npz"', "[data] pth"),
    "too many rows": ("train = 30", "train = 40", "left for it"),
    "l2": ("l2 = 1e-3", "l2 = 0", "[loss] l2"),
    "hidden": ("hidden = [3]", "hidden = [0]", "[network] hidden"),
    "convex": ("hidden = [3]", "hidden = []", "convex"),
    "file": ("rows.npz", "nowhere.npz", "no such file"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_bad_studies(run, study: Path, case: str):
    old, new, part = CHANGES[case]
    study.write_text(study.read_text().replace(old, new))
    atlas = study.with_suffix(".atlas")
    refused(run("explore", study, "--atlas", atlas), part)
    assert not atlas.exists()


ROWS = np.arange(100.0).reshape(50, 2)
LABELS = np.arange(50) % 2
DATA = {
    "not a number": (np.where(ROWS == 7, np.nan, ROWS), LABELS, "nan"),
    "infinite": (np.where(ROWS == 7, np.inf, ROWS), LABELS, "inf"),
    "missing labels": (ROWS, np.where(LABELS == 1, "a", "?"), "missing label"),
    "measurements": (ROWS, 0.3 * LABELS, "not a whole number"),
    "one class": (ROWS, 0 * LABELS, "one class"),
    "one class to train on": (ROWS, (np.arange(50) > 40).astype(int), "all have class"),
}


@pytest.mark.parametrize("case", DATA)
def test_bad_data(run, study: Path, case: str):
    inputs, labels, part = DATA[case]
    np.savez(study.parent / "rows.npz", inputs=inputs, labels=labels)
    atlas = study.with_suffix(".atlas")
    refused(run("explore", study, "--atlas", atlas), part)
    assert not atlas.exists()


def test_bad_places(run, study: Path, tmp_path: Path):
    refused(run("explore", tmp_path / "no.toml"), "no such file")
    refused(run("explore", study, "--atlas", tmp_path / "no" / "a.atlas"), "no folder")
    refused(run("explore", study, "--atlas", tmp_path), "is a folder")
    refused(run("explore", study, "--atlas", study), "not an SQLite file")


def test_an_atlas_in_place_of_a_study(run, atlas: Path):
    result = run("explore", atlas)
    assert result.exit_code == 2
    assert "is an atlas, not a study" in result.stderr


def test_a_home_of_nobody(run):
    refused(run("explore", "~nobody-here/rows.csv", "--hidden", 3, "--l2", 1e-3), "no such file")


def test_unwritable_places(run, study: Path, tmp_path: Path):
    if not Path("/proc").is_dir():
        pytest.skip("needs a folder that not even root can write to")
    refused(run("explore", study, "--atlas", "/proc/a.atlas"), "folder cannot be written")
    if os.access(study, os.W_OK) and os.getuid() != 0:
        locked = tmp_path / "locked.atlas"
        locked.touch(mode=0o444)
        refused(run("explore", study, "--atlas", locked), "cannot be written")


def test_an_atlas_that_can_only_be_read(run, atlas: Path, study: Path, monkeypatch):
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    refused(run("explore", study, "--atlas", atlas), "cannot be written", "copy it")
    refused(run("auc", atlas, "--positive-class", 1), "can only be read", "copy it to a folder")
    assert run("minima", atlas).exit_code == 0


def test_bad_options(run, study: Path):
    atlas = study.with_suffix(".atlas")
    refused(run("explore", study, "--atlas", atlas, "--minutes", 0), "minutes", "0")
    refused(run("explore", study, "--atlas", atlas, "--lanes", -1), "lanes", "-1")
    refused(run("explore", study, "--atlas", atlas, "--until", 1), "until", "between 0 and 1")
    assert not atlas.exists()


def test_an_atlas_of_another_landscape(run, atlas: Path, study: Path):
    study.write_text(study.read_text().replace("l2 = 1e-3", "l2 = 2e-3"))
    refused(run("explore", study, "--atlas", atlas), "l2 (atlas: 0.001, asked: 0.002)")
