"""Copies that lack something: what is missing is said, and nothing is written over."""

import shutil
import sys
import warnings
from pathlib import Path

import pytest
from atlas_points import attempt, network_point, problem

from lossatlas.atlas import Atlas
from lossatlas.errors import AtlasError, BadInputError


@pytest.fixture
def explored(tmp_path: Path, rng):
    """The path of an atlas that a program has open and has committed to."""
    (tmp_path / "original").mkdir()
    path = tmp_path / "original" / "a.atlas"
    with Atlas.create(path, problem()) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run_id, [attempt(minima=[network_point(rng)])], "a batch")
        yield path


def both_refuse(path: Path, *parts: str) -> None:
    """Neither reading nor exploring accepts it, and the file and its neighbors stay as they are."""
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    for opening in (Atlas.open, lambda path: Atlas.open_or_create(path, problem())):
        with pytest.raises((BadInputError, AtlasError)) as caught:
            opening(path)
        for part in parts:
            assert part in str(caught.value)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_whole_copy_of_an_atlas_that_is_explored(explored, tmp_path):
    copy = Path(shutil.copy(explored, tmp_path / "b.atlas"))
    shutil.copy(f"{explored}-wal", tmp_path / "b.atlas-wal")
    with Atlas.open(copy) as atlas:
        assert atlas.status()["minima"] == 1


def test_a_copy_without_its_log_is_read_with_a_warning(explored, tmp_path):
    copy = Path(shutil.copy(explored, tmp_path / "b.atlas"))
    with pytest.warns(UserWarning, match=r"no file b\.atlas-wal.*copy both files"):
        atlas = Atlas.open(copy)
    with atlas:
        assert (atlas.status()["minima"], atlas.status()["unfinished_runs"]) == (0, 1)
    with Atlas.open(explored) as atlas, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert atlas.status()["minima"] == 1


def test_a_copy_that_has_everything_in_its_log(tmp_path):
    """As programs leave it that create tables in the log: the file alone holds none."""
    import sqlite3

    original = tmp_path / "a.atlas"
    connection = sqlite3.connect(original)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE meta (key TEXT)")
    (tmp_path / "copy").mkdir()
    copy = Path(shutil.copy(original, tmp_path / "copy" / "renamed.atlas"))
    connection.close()
    both_refuse(copy, "no atlas in it", "the file renamed.atlas-wal", "copy both files")


def test_the_log_is_no_atlas(explored, tmp_path):
    (tmp_path / "c").mkdir()
    log = Path(shutil.copy(f"{explored}-wal", tmp_path / "c" / "a.atlas-wal"))
    both_refuse(log, "is the log of an atlas", "for example a.atlas")
    both_refuse(log.with_name("a.atlas"), "not there", "its log a.atlas-wal", "copy a.atlas beside")
    log.with_name("a.atlas").touch()
    both_refuse(log.with_name("a.atlas"), "empty", "its log a.atlas-wal", "copy a.atlas beside")


def test_a_journal_is_no_atlas_either(tmp_path):
    journal = tmp_path / "a.atlas-journal"
    journal.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(600))
    both_refuse(journal, "is the log of an atlas", "for example a.atlas")


def test_an_empty_file(tmp_path):
    path = tmp_path / "a.atlas"
    path.touch()
    with pytest.raises(BadInputError, match="no atlas in it: the file is empty"):
        Atlas.open(path)


@pytest.mark.parametrize("kept", [20, 99, 100, 4096, 5000, -1])
def test_a_copy_cut_short(tmp_path, kept: int):
    path = tmp_path / "a.atlas"
    Atlas.create(path, problem()).close()
    content = path.read_bytes()
    path.write_bytes(content[:kept])
    size = len(content[:kept])
    both_refuse(path, f"cut short: it has {size:,} of", "copy it again")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such file")
def test_a_device_is_no_atlas():
    with pytest.raises(BadInputError, match="/dev/null: is not a file"):
        Atlas.open("/dev/null")
