"""Opening: what is an atlas, whose, and a clear word about everything that is not."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from atlas_points import attempt, network_point, problem
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays_of
from sqlalchemy import select

from lossatlas.atlas import Atlas, Problem, schema
from lossatlas.atlas.records import array_from_bytes, array_to_bytes, differences
from lossatlas.errors import AtlasError, BadInputError, OtherLandscapeError


def sqlite_rows(path, statement):
    connection = sqlite3.connect(path)
    rows = connection.execute(statement).fetchall()
    connection.commit()
    connection.close()
    return rows


@given(
    arrays_of.arrays(
        st.one_of(
            arrays_of.floating_dtypes(sizes=(32, 64)),
            arrays_of.integer_dtypes(),
            arrays_of.boolean_dtypes(),
            arrays_of.unicode_string_dtypes(),
        ),
        arrays_of.array_shapes(min_dims=0, min_side=0),
    )
)
def test_arrays_come_back_exactly(values):
    again = array_from_bytes(array_to_bytes(values))
    assert again.shape == values.shape
    assert again.dtype == values.dtype.newbyteorder("<")
    assert np.array_equal(again.astype(values.dtype), values, equal_nan=values.dtype.kind == "f")
    assert array_to_bytes(values.copy(order="F")) == array_to_bytes(values)


def test_a_problem_comes_back_exactly(target):
    given = problem()
    given.arrays["copy_inputs"] = given.arrays["train_inputs"].copy()
    Atlas.create(target, given).close()
    with Atlas.open(target) as atlas:
        stored = atlas.problem
        with atlas.reading() as connection:
            contents = connection.execute(select(schema.array.c.sha256)).all()
    assert stored.fingerprint == given.fingerprint
    assert stored.specification == given.specification
    assert list(stored.arrays) == list(given.arrays)
    for name, values in given.arrays.items():
        assert np.array_equal(stored.arrays[name], values)
        assert stored.arrays[name].dtype == values.dtype
    assert len(contents) == 4  # five arrays, two of them equal


def test_an_atlas_continues_where_it_stopped(target, rng):
    for count in (1, 2):
        with Atlas.open_or_create(target, problem()) as atlas:
            run_id = atlas.start_run({}, 0, {}, "cpu")
            atlas.commit(run_id, [attempt(minima=[network_point(rng)])], f"{count}")
            assert (run_id, atlas.status()["minima"]) == (count, count)


def test_create_refuses_an_atlas_that_is_there(atlas, target):
    with pytest.raises(BadInputError, match="there is an atlas already"):
        Atlas.create(target, problem())


def test_another_landscape_is_refused_and_the_difference_named(atlas, target):
    other = problem(l2="0.001", mask="none", **{"training data": "cd" * 32})
    with pytest.raises(OtherLandscapeError) as caught:
        Atlas.open_or_create(target, other)
    message = str(caught.value)
    assert "l2 (atlas: 0.0001, asked: 0.001)" in message
    assert "mask (atlas: nothing, asked: none)" in message
    assert "training data (atlas: abababababab..., asked: cdcdcdcdcdcd...)" in message
    assert "network" not in message


def test_training_data_that_the_fingerprint_missed_are_refused(atlas, target):
    other = problem()
    other.arrays["train_inputs"][0, 0] += 1e-9
    with pytest.raises(OtherLandscapeError, match="array train_inputs"):
        Atlas.open_or_create(target, other)


@pytest.mark.parametrize("kind", [np.int32, np.uint8, np.float64])
def test_training_data_in_another_type_of_numbers_are_the_same(atlas, target, kind):
    other = problem()
    other.arrays["train_labels"] = other.arrays["train_labels"].astype(kind)
    with Atlas.open_or_create(target, other) as again:
        assert again.problem.arrays["train_labels"].dtype == kind
    other.arrays["train_labels"][0] += 1
    with pytest.raises(OtherLandscapeError, match="array train_labels"):
        Atlas.open_or_create(target, other)


@given(*[st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))] * 2)
def test_fingerprints_differ_exactly_if_a_part_differs(stored, asked):
    assert bool(differences(stored, asked)) == (stored != asked)


def test_new_test_data_replace_the_old_and_hide_their_columns(atlas, target, rng):
    old = atlas.problem.data_hash("test")
    run_id = atlas.start_run({}, 0, {}, "cpu")
    atlas.commit(run_id, [attempt(minima=[network_point(rng)])], "1")
    atlas.set_property("test_auc", {1: 0.7}, old)
    atlas.set_property("train_auc", {1: 0.8}, atlas.problem.data_hash("train"))
    other = problem()
    other.arrays["test_inputs"] = np.zeros((9, 2))
    other = replace(other, specification={"data": {"test": 9}})
    with Atlas.open_or_create(target, other) as again:
        assert again.problem.arrays["test_inputs"].shape == (9, 2)
        assert again.problem.specification == {"data": {"test": 9}}
        assert list(again.minima().columns[-1:]) == ["train_auc"]
        with pytest.raises(BadInputError, match="data that the atlas does not hold"):
            again.set_property("test_auc", {1: 0.7}, old)
    with Atlas.open_or_create(target, problem()) as back:
        assert list(back.minima()["test_auc"]) == [0.7]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Problem({}), "empty"),
        (Problem({"l2": 0.1}), "l2: is not text"),  # type: ignore[dict-item]
        (Problem({"l2": "1"}, {"hidden": (10,)}), "JSON types only"),
        (Problem({"l2": "1"}, {"hidden": np.arange(3)}), "JSON types only"),
        (Problem({"l2": "1"}, {}, {"train_inputs": np.array([None])}), "Python objects"),
    ],
)
def test_problems_that_cannot_be_kept_are_refused(tmp_path, bad, message):
    with pytest.raises(BadInputError, match=message):
        Atlas.create(tmp_path / "a.atlas", bad)


def test_the_hash_of_a_group_of_data_that_is_not_there():
    with pytest.raises(BadInputError, match="no validation data; groups present: test, train"):
        problem().data_hash("validation")


def test_opening_needs_an_atlas(tmp_path):
    with pytest.raises(BadInputError, match="no such atlas"):
        Atlas.open(tmp_path / "d2.atlas")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(BadInputError, match=r"there is no folder .*results; create it first"):
        Atlas.create(tmp_path / "results" / "d2.atlas", problem())


def test_a_folder_is_no_atlas(tmp_path):
    with pytest.raises(BadInputError, match="is a folder"):
        Atlas.open_or_create(tmp_path, problem())


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is the folder nobody can write to")
def test_the_folder_must_be_writable():
    with pytest.raises(AtlasError, match="check that its folder is writable"):
        Atlas.create("/proc/d2.atlas", problem())


@pytest.mark.parametrize("content", [b"id,loss\n", b"SQLite format 2\0" + b"\0" * 2000, b"S"])
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "d2.csv"
    path.write_bytes(content)
    for attempt_to_open in (Atlas.open, lambda path: Atlas.open_or_create(path, problem())):
        with pytest.raises(BadInputError, match="is not an SQLite file"):
            attempt_to_open(path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.db"
    sqlite_rows(path, "CREATE TABLE meta (key TEXT)")
    before = path.read_bytes()
    with pytest.raises(BadInputError, match="holds the data of another program"):
        Atlas.open_or_create(path, problem())
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["other.db"]


def test_an_empty_file_becomes_an_atlas_only_when_asked(tmp_path):
    path = tmp_path / "d2.atlas"
    path.touch()
    with pytest.raises(BadInputError, match="no atlas in it"):
        Atlas.open(path)
    with Atlas.open_or_create(path, problem()) as atlas:
        assert atlas.status()["minima"] == 0


def test_a_newer_atlas_asks_for_an_upgrade(tmp_path):
    path = tmp_path / "d2.atlas"
    Atlas.create(path, problem()).close()
    version = json.dumps(schema.SCHEMA_VERSION + 1)
    sqlite_rows(path, f"UPDATE meta SET value = '{version}' WHERE key = 'schema_version'")
    with pytest.raises(AtlasError, match=r"newer lossatlas .* upgrade"):
        Atlas.open(path)


def test_a_damaged_atlas_says_so(tmp_path, rng):
    path = tmp_path / "d2.atlas"
    with Atlas.create(path, problem()) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run_id, [attempt(minima=[network_point(rng) for _ in range(50)])], "1")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(AtlasError, match="damaged"), Atlas.open(path) as atlas:
        atlas.status()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "a file of its own"),
        ("sqlite:///:memory:", "a file of its own"),
        ("sqlite+aiosqlite:///d2.atlas", "'aiosqlite' cannot be used here; give a path"),
        ("nonsense://host/base", "unknown kind of database"),
        ("mysql://me:secret@host/base", r"mysql://me:\*\*\*@.*SQLite or PostgreSQL; use a path"),
        ("mariadb+mariadbconnector://host/base", "an atlas is in SQLite or PostgreSQL"),
        ("oracle://host/base", "an atlas is in SQLite or PostgreSQL"),
        ("mssql+pyodbc://host/base", "an atlas is in SQLite or PostgreSQL"),
        ("postgres://host/base", "begins with postgresql://"),
        ("postgresql+asyncpg://host/base", "'asyncpg' cannot be used here"),
        ("postgresql+psycopg_async://host/base", "'psycopg_async' cannot be used here"),
        ("postgresql+asyncpg_missing://host/base", "unknown kind of database"),
        ("://", "not a database URL"),
    ],
)
def test_bad_urls_are_refused(url, message):
    with pytest.raises(BadInputError, match=message):
        Atlas.open(url)


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("postgresql+psycopg://host/base", r"'psycopg\[binary\]'"),
        ("postgresql+psycopg2://host/base", "'psycopg2-binary'"),
        ("postgresql+pg8000://host/base", "'pg8000'"),
        ("postgresql://host/base", "'psycopg"),  # which of the two is SQLAlchemy's choice
    ],
)
def test_a_driver_that_is_missing_is_named_as_pip_knows_it(url, package, monkeypatch):
    for module in ("psycopg", "psycopg2", "pg8000"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(BadInputError, match=f"not installed; run: pip install {package}"):
        Atlas.open(url)


def test_a_url_names_the_same_file_as_its_path(tmp_path):
    path = tmp_path / "d2.atlas"
    Atlas.create(f"sqlite:///{path}", problem()).close()
    with Atlas.open(path) as atlas:
        assert atlas.name == str(path)


def test_files_use_the_write_ahead_log_until_the_last_program_closes_them(tmp_path):
    path = tmp_path / "d2.atlas"
    with Atlas.create(path, problem()) as atlas:
        atlas.start_run({}, 0, {}, "cpu")
        with Atlas.open(path) as other:
            other.start_run({}, 0, {}, "cpu")
        assert sqlite_rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert [file.name for file in tmp_path.iterdir()] == ["d2.atlas"]
    assert sqlite_rows(path, "PRAGMA journal_mode") == [("delete",)]


def test_importing_needs_neither_jax_nor_pandas():
    heavy = "{'jax', 'pandas', 'scipy', 'matplotlib', 'sklearn'}"
    program = f"import sys, lossatlas.atlas; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
