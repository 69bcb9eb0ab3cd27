"""A folder of good inputs, of which tests spoil one thing at a time."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Problem

STUDY = """[data]
source = "file"
path = "rows.csv"
train = 8
test = 4
split = "ordered"
[network]
hidden = [2]
[loss]
l2 = 1e-3
"""


def rows() -> str:
    """Twelve rows of two features and two classes."""
    random = np.random.default_rng(0)
    lines = ["x,y,label"]
    lines += [f"{a:.3f},{b:.3f},{k % 2}" for k, (a, b) in enumerate(random.normal(size=(12, 2)))]
    return "\n".join(lines) + "\n"


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
