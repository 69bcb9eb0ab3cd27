"""An atlas of schema version 1 goes on: what it claims is true, and no search is made twice."""

import shutil
from pathlib import Path

import pytest

from lossatlas.atlas import Atlas
from lossatlas.exploration import ExploreOptions, grow, verify
from lossatlas.studies.problem import landscape_of

OLD = Path(__file__).parents[1] / "atlas" / "version-1.atlas"
NAME = ["strategy", "origin", "what", "part"]


def test_an_upgraded_atlas_is_verified_and_continued(tmp_path):
    path = Path(shutil.copy(OLD, tmp_path / "xor.atlas"))
    with pytest.warns(UserWarning, match="upgraded from schema version 1"):
        atlas = Atlas.open(path)
    with atlas:
        landscape = landscape_of(atlas.problem)
        assert verify(landscape, atlas).failures == ()
        before = atlas.attempts()
        chains, minutes = ("basin-hopping", "single-ended", "connect"), 0.1
        done = grow(landscape, atlas, ExploreOptions(minutes=minutes, strategies=chains))
        after = atlas.attempts()
        assert atlas.check() == ()
    assert done.attempts == len(after) - len(before) > 0
    assert after.iloc[: len(before)].equals(before)
    names = [tuple(map(str, row)) for row in after[NAME].to_numpy().tolist()]
    assert len(set(names)) == len(names)
    new = after.iloc[len(before) :]
    assert set(new["run_id"]) == {3}
    assert (new["as_of"] >= len(before)).all()
    assert list(new["round"]) == sorted(new["round"])
