"""Atlases joined, copied and made compact: nothing lost, nothing twice, sources as they were."""

import itertools
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from atlas_points import attempt, network_point, pathway, problem, symmetry_copy
from hypothesis import given, settings, strategies as st
from sqlalchemy import select, text

from lossatlas.atlas import Atlas, copying, provenance, schema
from lossatlas.atlas.copying import backup, compact
from lossatlas.atlas.joining import merge
from lossatlas.errors import AtlasError, BadInputError, OtherLandscapeError


@pytest.fixture
def pool():
    """Points that atlases share: by number, each time another symmetry copy."""
    rng = np.random.default_rng(11)
    minima = [network_point(rng) for _ in range(8)]
    states = [network_point(rng, index=1) for _ in range(8)]
    return minima, states, rng


def fill(path, pool, finds, *, key="r", seed=0, stream=None):
    """An atlas in which attempts found these transition states, each between two minima."""
    minima, states, rng = pool
    with Atlas.open_or_create(path, problem()) as atlas:
        run = atlas.start_run({"seed": seed}, seed, {"lossatlas": "1"}, "cpu")
        for number, (state, low, high) in enumerate(finds):
            copies = [symmetry_copy(rng, minima[k]) for k in (low, high)]
            way = pathway(symmetry_copy(rng, states[state]), *copies)
            name = {"what": f"{key} {number}", "stream": stream, "round": number}
            found = attempt(minima=[symmetry_copy(rng, minima[low])], pathways=[way], **name)
            atlas.commit(run, [found], f"{run}:{number}")
        atlas.finish_run(run, "time")
    return path


def counts(path):
    with Atlas.open(path) as atlas:
        assert atlas.check() == ()
        status = atlas.status()
        return tuple(status[k] for k in ("minima", "transition_states", "attempts", "runs"))


def test_what_both_found_is_one(pool, tmp_path):
    one = fill(tmp_path / "a", pool, [(0, 0, 1), (1, 1, 2)])
    two = fill(tmp_path / "b", pool, [(1, 2, 1), (2, 3, 0)], seed=1)
    before = [path.read_bytes() for path in (one, two)]
    (joined,) = merge([one, two], tmp_path / "c")
    assert joined[1:] == (1, 1, 3, 1, 2, 0, 0)
    assert counts(tmp_path / "c") == (4, 3, 4, 2)
    assert [path.read_bytes() for path in (one, two)] == before
    with Atlas.open(tmp_path / "c") as atlas, atlas.reading() as connection:
        times = connection.execute(select(schema.transition_state.c.times_found)).scalars().all()
        assert times == [1, 2, 1]
        runs = provenance.runs(connection)
        assert runs[["attempts", "minima", "transition_states"]].to_numpy().tolist() == [
            [2, 3, 2],
            [2, 1, 1],
        ]
        assert runs["options"][1]["merged_from"] == str(two)
        met = provenance.met(connection, transition_state=2)
    assert met["run"].tolist() == [1, 2]
    assert set(met["version"]) == {"1"}


def test_a_copy_that_was_explored_further_shares_what_came_before(pool, tmp_path):
    one = fill(tmp_path / "a", pool, [(0, 0, 1), (1, 1, 2)])
    with Atlas.open(one) as atlas:
        backup(atlas, tmp_path / "b")
    assert counts(tmp_path / "b") == counts(one)
    fill(one, pool, [(3, 3, 4)], seed=1)
    fill(tmp_path / "b", pool, [(3, 4, 3), (4, 5, 6)], seed=2)
    (joined,) = merge([one, tmp_path / "b"], tmp_path / "c")
    assert (joined.attempts, joined.shared_attempts) == (2, 2)
    assert counts(tmp_path / "c") == (7, 4, 5, 3)
    (again,) = merge([tmp_path / "c", tmp_path / "b"], tmp_path / "d")
    assert (again.attempts, again.shared_attempts, again.minima) == (0, 4, 0)
    assert counts(tmp_path / "d") == counts(tmp_path / "c")


def test_other_ends_are_a_conflict_that_is_kept(pool, tmp_path):
    one = fill(tmp_path / "a", pool, [(0, 0, 1)])
    two = fill(tmp_path / "b", pool, [(0, 0, 2)], seed=1)
    (joined,) = merge([one, two], tmp_path / "c")
    assert joined.conflicts == 1
    assert counts(tmp_path / "c") == (3, 1, 2, 2)
    with Atlas.open(tmp_path / "c") as atlas:
        assert atlas.status()["link_conflicts"] == 1
        assert atlas.transition_states()[["minimum_1", "minimum_2"]].to_numpy().tolist() == [[1, 2]]


def test_a_draw_that_both_made_is_one_draw(pool, tmp_path):
    one = fill(tmp_path / "a", pool, [(0, 0, 1)], stream="saddles")
    two = fill(tmp_path / "b", pool, [(0, 0, 1), (1, 1, 2)], stream="saddles")
    merge([one, two], tmp_path / "c")
    with Atlas.open(tmp_path / "c") as atlas:
        streams = atlas.attempts()["stream"].tolist()
    assert [value if isinstance(value, str) else None for value in streams] == [
        "saddles",
        None,
        "saddles",
    ]


finds = st.lists(st.tuples(*[st.integers(0, 5)] * 3), max_size=6)


@settings(max_examples=12, deadline=None)
@given(st.lists(finds, min_size=2, max_size=3), st.data())
def test_the_order_does_not_matter_to_what_is_found(tmp_path_factory, each, data):
    folder = tmp_path_factory.mktemp("order")
    rng = np.random.default_rng(5)
    pool = (
        [network_point(rng) for _ in range(6)],
        [network_point(rng, index=1) for _ in range(6)],
        rng,
    )
    paths = [fill(folder / f"{k}", pool, some, seed=k) for k, some in enumerate(each)]
    found = []
    for number, order in enumerate(itertools.islice(itertools.permutations(paths), 3)):
        merge(order, folder / f"m{number}")
        found.append(counts(folder / f"m{number}"))
    assert len(set(found)) == 1
    met = {k for some in each for _, low, high in some for k in (low, high)}
    assert found[0][0] == len(met)
    assert found[0][1] == len({state for some in each for state, *_ in some})


def test_other_landscapes_and_bad_targets_are_refused(pool, tmp_path):
    one = fill(tmp_path / "a", pool, [(0, 0, 1)])
    other = tmp_path / "b"
    Atlas.create(other, problem(l2="0.5")).close()
    taken = tmp_path / "taken"
    taken.write_bytes(b"something")
    cases = [
        ([one], tmp_path / "c", BadInputError, "two atlases or more"),
        ([one, tmp_path / "none"], tmp_path / "c", BadInputError, "no such atlas"),
        ([one, other], tmp_path / "c", OtherLandscapeError, r"l2 \(atlas: 0.0001, asked: 0.5\)"),
        ([one, one], taken, BadInputError, "is there already"),
        ([one, one], tmp_path / "no" / "c", BadInputError, "there is no folder"),
        ([one, one], one, BadInputError, "is there already"),
    ]
    for sources, target, kind, message in cases:
        with pytest.raises(kind, match=message):
            merge(sources, target)
    assert taken.read_bytes() == b"something"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "taken"}


def test_an_interrupted_merge_leaves_nothing(pool, tmp_path, monkeypatch):
    one = fill(tmp_path / "a", pool, [(0, 0, 1)])

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lossatlas.atlas.joining._compare", interrupted)
    with pytest.raises(KeyboardInterrupt):
        merge([one, one], tmp_path / "c")
    assert {path.name for path in tmp_path.iterdir()} == {"a"}


def test_a_backup_while_others_write(pool, tmp_path):
    """One state of the atlas, though the program goes on; the copy is one plain file."""
    path = fill(tmp_path / "a", pool, [(0, 0, 1)])
    with Atlas.open(path) as writer:
        run = writer.start_run({}, 0, {}, "cpu")
        with Atlas.open(path) as reader:
            backup(reader, tmp_path / "b")
        writer.commit(run, [attempt(minima=[pool[0][5]])], "later")
    assert counts(tmp_path / "b") == (2, 1, 1, 2)
    assert counts(path) == (3, 1, 2, 2)
    assert {file.name for file in tmp_path.iterdir()} == {"a", "b"}
    with Atlas.open(path) as atlas, pytest.raises(BadInputError, match="is there already"):
        backup(atlas, tmp_path / "b")


def test_a_full_disk_leaves_no_half_copy(pool, tmp_path, monkeypatch):
    path = fill(tmp_path / "a", pool, [(0, 0, 1)])

    def full(partial, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copying, "put_in_place", full)
    with Atlas.open(path) as atlas, pytest.raises(AtlasError, match="No space left"):
        backup(atlas, tmp_path / "b")
    assert {file.name for file in tmp_path.iterdir()} == {"a"}


def test_compact_gives_space_back(tmp_path, rng):
    path = tmp_path / "a"
    with Atlas.create(path, problem()) as atlas:
        run = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run, [attempt(minima=[network_point(rng)])], "1")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE waste (x)")
        connection.execute("INSERT INTO waste VALUES (zeroblob(300000))")
        connection.execute("DROP TABLE waste")
        connection.commit()
    with Atlas.open(path) as atlas:
        sizes = compact(atlas)
        assert atlas.check() == ()
    assert sizes.before > sizes.after + 250_000
    assert path.stat().st_size == sizes.after


@pytest.mark.postgresql
def test_from_a_file_to_postgresql_and_back(pool, tmp_path, postgresql_database):
    one = fill(tmp_path / "a", pool, [(0, 0, 1), (1, 1, 2)])
    two = fill(tmp_path / "b", pool, [(1, 2, 1), (2, 3, 0)], seed=1)
    merge([one, two], postgresql_database)
    assert counts(postgresql_database) == (4, 3, 4, 2)
    with Atlas.open(postgresql_database) as atlas:
        with pytest.raises(BadInputError, match="there is an atlas already"):
            backup(atlas, postgresql_database)
        backup(atlas, tmp_path / "c")
        sizes = compact(atlas)
        assert sizes.after > 0
        run = atlas.start_run({}, 0, {}, "cpu")  # the numbers of runs go on
        assert run == 3
    assert counts(tmp_path / "c") == (4, 3, 4, 2)
    merge([tmp_path / "c", one], tmp_path / "d")
    assert counts(tmp_path / "d") == (4, 3, 4, 2)


def test_a_file_that_vanishes_is_not_written_to(tmp_path, rng):
    folder = tmp_path / "disk"
    folder.mkdir()
    for number, path in enumerate((folder / "a", folder / "b")):
        with Atlas.create(path, problem()) as atlas:
            run = atlas.start_run({}, 0, {}, "cpu")
            atlas.commit(run, [attempt(minima=[network_point(rng)])], "1")
            folder.rename(tmp_path / "elsewhere")
            if number:
                folder.mkdir()
                path.write_bytes(b"")
            with pytest.raises(AtlasError, match=r"no longer there|another file"):
                atlas.commit(run, [attempt(minima=[network_point(rng)])], "2")
            if number:
                path.unlink()
                folder.rmdir()
            (tmp_path / "elsewhere").rename(folder)
            atlas.commit(run, [attempt(minima=[network_point(rng)])], "2")
        with Atlas.open(path) as atlas, atlas.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM minimum")).scalar() == 2


def test_two_copies_to_one_place_at_once(pool, tmp_path):
    """The first that is whole has the place; the other one harms neither it nor other files."""
    path = fill(tmp_path / "a", pool, [(0, 0, 1)])
    target, neighbor = tmp_path / "b", tmp_path / "b.partial"
    neighbor.write_text("of somebody else")
    with Atlas.open(path) as atlas:
        slow = copying.new_database(target, atlas)
        slow.__enter__()
        fast = copying.new_database(target, atlas)
        connection = fast.__enter__()
        fast.__exit__(None, None, None)
        assert connection.closed
        assert counts(target) == counts(path)
        whole = target.read_bytes()
        with pytest.raises(BadInputError, match="is there already"):
            slow.__exit__(None, None, None)
    assert target.read_bytes() == whole
    assert neighbor.read_text() == "of somebody else"
    assert {file.name for file in tmp_path.iterdir()} == {"a", "b", "b.partial"}


def test_a_copy_may_be_read_by_whom_the_umask_says(pool, tmp_path):
    path = fill(tmp_path / "a", pool, [(0, 0, 1)])
    with Atlas.open(path) as atlas:
        backup(atlas, tmp_path / "b")
    (tmp_path / "new").touch()
    assert (tmp_path / "b").stat().st_mode == (tmp_path / "new").stat().st_mode
