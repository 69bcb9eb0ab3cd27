"""`status`, `minima`, `transition-states`, `auc`, `verify` on a small explored atlas."""

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lossatlas.atlas import Atlas
from lossatlas.cli.output import records
from lossatlas.exploration.verification import Verification


def test_status_counts(run, atlas):
    counts = json.loads(run("status", atlas, "--json").stdout)
    assert counts["minima"] == len(json.loads(run("minima", atlas, "--json").stdout))
    listed = json.loads(run("transition-states", atlas, "--json").stdout)
    assert counts["transition_states"] == len(listed)
    assert counts["degenerate_rearrangements"] == sum(
        state["minimum_1"] == state["minimum_2"] for state in listed
    )
    assert counts["runs"] == 1
    assert counts["unfinished_runs"] == 0


def test_status_for_people(run, atlas):
    shown = run("status", atlas).stdout
    assert "lowest loss" in shown
    assert "start_time" in shown


def test_status_shows_how_complete_the_atlas_is(run, atlas):
    counts = json.loads(run("status", atlas, "--json").stdout)
    minima, states = counts["completeness"]
    assert (minima["points"], states["points"]) == ("minima", "transition states")
    with Atlas.open(atlas) as opened:
        names = opened.attempts()["strategy"].tolist()
    assert minima["draws"] == names.count("independent-minima") > 0
    assert states["draws"] == names.count("independent-saddles") > 0
    assert (minima["known"], states["known"]) == (counts["minima"], counts["transition_states"])
    for stream in (minima, states):
        assert 0 < stream["distinct"] <= stream["hits"] <= stream["draws"]
        assert 0 <= stream["coverage_low"] <= stream["coverage"] <= stream["coverage_high"] <= 1
    shown = run("status", atlas).stdout
    assert f"{minima['coverage']:.4f} ({minima['coverage_low']:.4f} to " in shown
    assert "not estimated" not in shown


def test_status_without_draws_says_how_to_get_them(run, atlas, tmp_path):
    with Atlas.open(atlas) as opened:
        Atlas.create(tmp_path / "empty.atlas", opened.problem).close()
    assert (
        json.loads(run("status", tmp_path / "empty.atlas", "--json").stdout)["completeness"] == []
    )
    assert "explore with --independent-share" in run("status", tmp_path / "empty.atlas").stdout


def test_points_are_merged_by_loss(run, atlas):
    minima = json.loads(run("minima", atlas, "--json").stdout)
    losses = [minimum["loss"] for minimum in minima]
    assert len(losses) > 1
    gaps = np.diff(losses)
    merged = json.loads(run("minima", atlas, "--json", "--merge", 1.01 * min(gaps)).stdout)
    assert len(merged) == 1 + (gaps >= 1.01 * min(gaps)).sum() < len(minima)
    assert sum(minimum["merged"] for minimum in merged) == len(minima)
    one = json.loads(run("minima", atlas, "--json", "--merge", 10).stdout)
    assert [(m["loss"], m["merged"]) for m in one] == [(losses[0], len(losses))]
    states = json.loads(run("transition-states", atlas, "--json").stdout)
    (state,) = json.loads(run("transition-states", atlas, "--json", "--merge", 10).stdout)
    assert state["merged"] == len(states)
    assert state["minimum_1"] == state["minimum_2"] == one[0]["id"]
    assert state["degenerate"] is True
    assert run("minima", atlas, "--merge", -1).exit_code == 2


def test_status_of_an_atlas_without_points(run, atlas, tmp_path):
    with Atlas.open(atlas) as opened:
        Atlas.create(tmp_path / "empty.atlas", opened.problem).close()
    empty = tmp_path / "empty.atlas"
    assert json.loads(run("status", empty, "--json").stdout)["lowest_loss"] is None
    assert run("status", empty).exit_code == 0
    assert json.loads(run("minima", empty, "--json").stdout) == []
    assert run("minima", empty).stdout == "none\n"
    assert run("auc", empty).exit_code == 0
    result = run("tree", empty, "-o", tmp_path / "x.png")
    assert (result.exit_code, "no minima" in result.stderr) == (2, True)
    result = run("discovery", empty, "-o", tmp_path / "x.png")
    assert (result.exit_code, "no independent draws" in result.stderr) == (2, True)


def test_minima_as_objects(run, atlas):
    listed = json.loads(run("minima", atlas, "--json").stdout)
    wanted = {"id", "loss", "lowest_eigenvalue", "orbit_size", "times_found"}
    for minimum in listed:
        assert wanted <= minimum.keys()
        assert 0 <= minimum["train_auc"] <= 1
        assert 0 <= minimum["test_auc"] <= 1
        assert isinstance(minimum["orbit_size"], int)
    losses = [minimum["loss"] for minimum in listed]
    assert losses == sorted(losses)


def test_columns_not_computed_are_null(run, atlas, tmp_path):
    with Atlas.open(atlas) as opened:
        columns = opened.minima()["id"].tolist()
        opened.set_property("test_auc", dict.fromkeys(columns, np.nan), hash_of_test_data(opened))
    assert {m["test_auc"] for m in json.loads(run("minima", atlas, "--json").stdout)} == {None}
    assert "-" in run("minima", atlas).stdout


def hash_of_test_data(atlas: Atlas) -> str:
    return atlas.problem.data_hash("test")


def test_transition_states_as_objects(run, atlas):
    for state in json.loads(run("transition-states", atlas, "--json").stdout):
        assert {"id", "loss", "minimum_1", "minimum_2"} <= state.keys()
        assert state["curvature"] < 0


@pytest.mark.parametrize("command", ["minima", "transition-states"])
def test_csv_holds_what_json_holds(run, atlas, command):
    rows = list(csv.DictReader(io.StringIO(run(command, atlas, "--csv").stdout)))
    objects = json.loads(run(command, atlas, "--json").stdout)
    assert [row["id"] for row in rows] == [str(entry["id"]) for entry in objects]
    assert [float(row["loss"]) for row in rows] == [entry["loss"] for entry in objects]
    assert run(command, atlas, "--csv", "--json").exit_code == 2


def test_people_see_a_few_rows(run, atlas):
    shown = run("transition-states", atlas, "--limit", 1).stdout.splitlines()
    assert len(shown) == 3
    assert "more (--limit 0 shows all)" in shown[-1]
    assert len(json.loads(run("transition-states", atlas, "--json", "--limit", 1).stdout)) == 1


def test_records_are_plain_python():
    frame = pd.DataFrame(
        {
            "id": np.array([1, 2]),
            "big": pd.Series([10**30, 1], dtype=object),
            "via": pd.array([None, 3], dtype="Int64"),
            "flag": [True, False],
        }
    )
    first, second = records(frame)
    assert first["big"] == 10**30
    assert json.loads(json.dumps(second)) == {"id": 2, "big": 1, "via": 3, "flag": False}


def test_auc_of_other_classes_gets_columns_of_its_own(run, atlas):
    before = json.loads(run("minima", atlas, "--json").stdout)
    counts = json.loads(run("auc", atlas, "--positive-class", 1, "--json").stdout)
    assert counts == dict.fromkeys(["train_auc_class_1", "test_auc_class_1"], len(before))
    assert run("auc", atlas, "--macro", "--rule", "threshold").exit_code == 0
    after = json.loads(run("minima", atlas, "--json").stdout)
    assert [m["train_auc"] for m in after] == [m["train_auc"] for m in before]
    assert "test_auc_macro_threshold" in after[0]
    assert run("auc", atlas, "--positive-class", 3).exit_code == 2


@pytest.mark.parametrize("command", ["status", "minima", "transition-states", "auc", "verify"])
def test_what_is_no_atlas(run, tmp_path, command):
    (tmp_path / "text.atlas").write_text("no database")
    for name, message in (("none.atlas", "no such atlas"), ("text.atlas", "not an SQLite file")):
        result = run(command, tmp_path / name)
        assert result.exit_code == 2
        assert message in result.stderr
        assert "Traceback" not in result.output
    assert not (tmp_path / "none.atlas").exists()


def test_a_good_atlas_is_verified(program, atlas):
    result = program("verify", atlas, "--sample", 1, "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["checked_minima"], found["checked_transition_states"]) == (1, 1)
    assert found["failures"] == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE minimum SET weights = x'0011' WHERE id = 1", "minimum 1: changed since"),
        ("UPDATE minimum SET energy = 'text' WHERE id = 2", "minimum 2: changed since"),
        ("UPDATE array SET content = x'00'", "array 3cc90d48e08e...: changed since"),
        ("DELETE FROM array", "array test_labels: it is missing"),
    ],
)
def test_damage_is_reported_also_where_no_point_can_be_computed(run, tmp_path, statement, expected):
    old = Path(__file__).parents[1] / "atlas" / "version-1.atlas"
    path = Path(shutil.copy(old, tmp_path / "xor.atlas"))
    with pytest.warns(UserWarning, match="upgraded from schema version 1"):
        Atlas.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(statement).rowcount > 0
        connection.commit()
    result = run("verify", path)
    assert f"FAILED  {expected}" in result.stdout
    assert "cannot be computed again" in result.stdout
    assert result.exit_code == 1


def test_a_failure_has_its_own_exit_code(run, atlas, monkeypatch):
    asked = []

    def verify(landscape, atlas, sample, ode, seed, report, *, trust_confirmed, executor, resume):
        asked.append((sample, ode, seed, trust_confirmed))
        assert (executor, resume) == (None, None)
        report(1, 2)
        return Verification(4, 3, 6, ("minimum 2 has index 1",), trusted_links=2)

    monkeypatch.setattr("lossatlas.exploration.verification.verify", verify)
    result = run("verify", atlas)
    assert result.exit_code == 1
    assert "FAILED  minimum 2 has index 1" in result.stdout
    assert "checked 4 minima, 3 transition states, 6 links: 1 failure" in result.stdout
    assert "trusted 2 more links, which the search had followed as tightly" in result.stdout
    assert run("verify", atlas, "--flow", "--seed", 5).exit_code == 1
    assert run("verify", atlas, "--trust-confirmed").exit_code == 1
    assert asked == [(None, False, 0, False), (20, True, 5, False), (None, False, 0, True)]


def test_links_followed_by_another_method_cannot_be_trusted(run, tmp_path):
    result = run("verify", tmp_path / "nowhere", "--flow", "--trust-confirmed")
    assert result.exit_code == 2
    assert "--trust-confirmed: the links that it trusts" in result.stderr
    assert "use one of the two" in result.stderr
    assert "nowhere" not in result.stderr
