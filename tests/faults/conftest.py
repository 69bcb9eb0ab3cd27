"""A folder of good inputs, of which tests spoil one thing at a time."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from good_inputs import STUDY, rows

from lossatlas.atlas import Atlas, Problem


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a study, its table and an atlas of something else."""
    (tmp_path / "rows.csv").write_text(rows())
    (tmp_path / "good.toml").write_text(STUDY)
    with Atlas.create(tmp_path / "other.atlas", Problem({"network": "elsewhere"})):
        pass
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE things (x)")
        connection.commit()
    monkeypatch.chdir(tmp_path)
    return tmp_path
