"""Passwords of databases: no command prints one, whether the database is there or not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lossatlas.atlas import Atlas
from lossatlas.interop import importing, pathsample
from lossatlas.program import COMMANDS

URLS = (
    "postgresql+psycopg://me:secret@127.0.0.1:1/db",
    "postgresql+psycopg://127.0.0.1:1/db?password=secret",
)
CALLS = {
    "explore": ["explore small.toml --atlas {url}"],
    "import": ["import peer small.toml --atlas {url}"],
    "export": ["export {url} -o best.npz"],
    "locate": ["locate {url} point.npy"],
    "tree": ["tree {url} -o tree.png", "tree {url} -o tree.html"],
    "discovery": ["discovery {url} -o discovery.png"],
    "history": ["history {url}", "history {url} --json"],
    "backup": ["backup one.atlas -o {url}", "backup {url} -o new.atlas"],
    "merge": [
        "merge one.atlas two.atlas -o {url}",
        "merge one.atlas two.atlas -o {url} --json",
        "merge one.atlas {url} -o three.atlas",
    ],
    "serve": ["serve {url}"],
    "status": ["status {url}", "status {url} --json"],
}
WITHOUT_ATLAS = {"reproduce"}
OF_ONE_ATLAS = ("minima", "transition-states", "auc", "metrics", "verify", "compact")
ALL = [call for calls in CALLS.values() for call in calls]
ALL += [f"{name} {{url}}" for name in OF_ONE_ATLAS]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory) -> Path:
    """An atlas of this version."""
    kept = Path(__file__).parent.parent / "atlas" / "version-2.atlas"
    path = Path(shutil.copy(kept, tmp_path_factory.mktemp("upgraded") / "one.atlas"))
    with pytest.warns(UserWarning, match="upgraded"):
        Atlas.open(path).close()
    return path


@pytest.fixture
def folder(study, upgraded, monkeypatch) -> Path:
    """With a study, two atlases and the coordinates of a point."""
    for name in ("one.atlas", "two.atlas"):
        shutil.copy(upgraded, study.parent / name)
    np.save(study.parent / "point.npy", np.zeros(3))
    monkeypatch.chdir(study.parent)
    monkeypatch.setattr(pathsample, "read_database", lambda *_: None)
    return study.parent


def test_every_command_is_among_them():
    names = {command.__name__.strip("_").replace("_", "-") for command, _ in COMMANDS}
    assert names == {*CALLS, *OF_ONE_ATLAS, *WITHOUT_ATLAS}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("call", ALL)
def test_no_command_prints_a_password(folder, run, call, url):
    pytest.importorskip("psycopg", reason="no driver of PostgreSQL")
    ended = run(*call.format(url=url).split())
    assert ended.exit_code == 2
    assert "127.0.0.1:1/db" in ended.stderr  # it came as far as the database
    assert "secret" not in ended.output + ended.stderr


def test_results_name_the_opened_atlas(folder, run, monkeypatch):
    """What a URL says beside the place, a password for example, is no part of the name."""
    url = f"sqlite:///{folder}/{{}}.atlas?timeout=7"
    ended = run("merge", "one.atlas", "two.atlas", "-o", url.format("joined"), "--json")
    assert json.loads(ended.stdout)["atlas"] == f"{folder}/joined.atlas"
    found = importing.Imported(0, 0, ())
    monkeypatch.setattr(importing, "import_database", lambda *_: found)
    target = url.format("imported")
    ended = run("import", "peer", "small.toml", "--atlas", target, "--json")
    assert json.loads(ended.stdout)["atlas"] == f"{folder}/imported.atlas"
    ended = run("import", "peer", "small.toml", "--atlas", target)
    assert ended.stdout.startswith(f"{folder}/imported.atlas: ")
