"""Merging, copying, making compact, and where things come from, by the command line."""

import json

from lossatlas.atlas import Atlas


def counts(path):
    with Atlas.open(path) as atlas:
        assert atlas.check() == ()
        status = atlas.status()
    return status["minima"], status["transition_states"], status["attempts"]


def test_backup_and_merge(run, atlas, tmp_path):
    copy, both = tmp_path / "copy.atlas", tmp_path / "both.atlas"
    result = run("backup", atlas, "-o", copy)
    assert result.exit_code == 0, result.output
    assert f"{counts(atlas)[1]} transition states" in result.stdout
    assert counts(copy) == counts(atlas)
    result = run("merge", atlas, copy, "-o", both, "--json")
    assert result.exit_code == 0, result.output
    (joined,) = json.loads(result.stdout)["joined"]
    assert (joined["attempts"], joined["shared_attempts"]) == (0, counts(atlas)[2])
    assert counts(both) == counts(atlas)
    result = run("merge", atlas, copy, "-o", tmp_path / "again.atlas")
    assert "0 new minima, 0 new transition states" in result.stdout


def test_compact(run, atlas):
    result = run("compact", atlas, "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["bytes"] == atlas.stat().st_size <= shown["bytes_before"]
    assert "bytes before" in run("compact", atlas).stdout
    assert counts(atlas)[0] > 0


def test_history(run, atlas):
    minima, states, attempts = counts(atlas)
    (shown,) = json.loads(run("history", atlas, "--json").stdout)
    assert (shown["minima"], shown["transition_states"]) == (minima, states)
    assert (shown["attempts"], shown["seed"]) == (attempts, 0)
    assert set(shown["versions"]) >= {"lossatlas", "jax"}
    assert shown["options"]["width"] >= 2
    assert "there are" not in run("history", atlas).stdout
    for kind in ("minimum", "transition-state"):
        rows = json.loads(run("history", atlas, f"--{kind}", 1, "--json").stdout)
        assert rows[0]["attempt"] == min(row["attempt"] for row in rows)
        assert rows[0]["run"] == 1
        assert rows[0]["strategy"]
