"""A batch is stored once, whoever commits it how often; its receipt stays the same."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from atlas_points import End, attempt, network_point, pathway, problem, symmetry_copy
from hypothesis import given, settings, strategies as st
from sqlalchemy import select

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.log import read_log
from lossatlas.errors import AtlasError, Status
from lossatlas.search.outcome import Pathway

COMMIT = """
import json, sys
import numpy as np
from atlas_points import attempt, network_point, pathway, problem
from lossatlas.atlas import Atlas

rng = np.random.default_rng(5)
with Atlas.open_or_create(sys.argv[1], problem()) as atlas:
    run_id = atlas.start_run({}, 0, {}, "cpu")
    receipts = []
    for batch in range(20):
        a, b, state = network_point(rng), network_point(rng), network_point(rng, index=1)
        found = [attempt(minima=[a, a]), attempt(pathways=[pathway(state, a, b)])]
        receipts.append(atlas.commit(run_id, found, f"batch {batch}"))
    print(json.dumps(receipts))
"""


def test_two_programs_that_commit_the_same_batches_store_each_once(target):
    command = [sys.executable, "-c", COMMIT, target]
    folder = Path(__file__).parent
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) for _ in range(2)
    ]
    receipts = [json.loads(program.communicate(timeout=100)[0]) for program in running]
    assert receipts[0] == receipts[1]
    with Atlas.open(target) as atlas:
        status = atlas.status()
        assert atlas.check() == ()
    assert (status["attempts"], status["minima"], status["transition_states"]) == (40, 40, 20)


def test_a_batch_that_is_stored_is_not_stored_again_whatever_it_holds(atlas, run_id, rng):
    a, b, state = network_point(rng), network_point(rng), network_point(rng, index=1)
    found = [
        attempt(minima=[a, a]),
        attempt(origins=(1,), pathways=[pathway(state, a, b), pathway(state, b, b)]),
        attempt(status=Status.NOT_FINITE),
        attempt(hits=(1,)),
    ]
    first = atlas.commit(run_id, found, "once")
    assert first.attempts[1].conflicts == (1,)
    before = atlas.status()
    assert atlas.commit(run_id, found, "once") == first
    assert atlas.commit(run_id, [attempt(minima=[network_point(rng)])], "once") == first
    assert atlas.commit(run_id, [], "nothing").attempts == ()
    assert atlas.status() == before
    assert list(atlas.attempts()["batch"]) == ["once"] * 4


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=6), st.integers(0, 99))
def test_receipts_are_the_same_at_any_later_time(tmp_path_factory, batches, seed):
    rng = np.random.default_rng(seed)
    points = [network_point(rng) for _ in range(6)]
    states = [network_point(rng, index=1) for _ in range(6)]
    with Atlas.create(tmp_path_factory.mktemp("a") / "a.atlas", problem()) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        lists = [
            [
                attempt(
                    minima=[symmetry_copy(rng, points[k])],
                    pathways=[pathway(states[k], points[0], points[-k])],
                )
                for k in batch
            ]
            for batch in batches
        ]
        receipts = [atlas.commit(run_id, found, str(k)) for k, found in enumerate(lists)]
        again = [atlas.commit(run_id, [], str(k)) for k in range(len(lists))]
        assert again == receipts
        assert atlas.check() == ()


def test_the_place_of_an_attempt_in_the_exploration_comes_back(atlas, commit, rng):
    place = {"stream": "saddles", "round": 3, "as_of": 1, "width": 48, "part": 2}
    commit(attempt(minima=[network_point(rng), network_point(rng)]))
    commit(attempt(strategy="of a user", origins=(2, 1), what="draw 17", **place))
    entry = read_log(atlas, after=1)[0]
    assert {name: getattr(entry, name) for name in place} == place
    assert (entry.strategy, entry.origins, entry.what) == ("of a user", (2, 1), "draw 17")
    row = atlas.attempts().iloc[1]
    assert {name: row[name] for name in place} == place


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"origins": (1, 7)}, "names minimum 7, which is not there"),
        ({"origins": (0,)}, "names minimum 0, which is not there"),
        ({"origins": (np.int64(2), -1)}, "names minimum -1, which is not there"),
        ({"hits": (7,)}, "names transition state 7, which is not there"),
    ],
)
def test_points_that_are_not_there_are_refused(atlas, commit, rng, named, message):
    commit(attempt(minima=[network_point(rng)]))
    with pytest.raises(AtlasError, match=message):
        commit(attempt(**named))
    assert atlas.status()["attempts"] == 1


def test_a_point_that_was_deleted_is_told_from_one_that_never_was(tmp_path, rng):
    with Atlas.create(tmp_path / "a.atlas", problem()) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run_id, [attempt(minima=[network_point(rng) for _ in range(3)])], "1")
        with closing(sqlite3.connect(tmp_path / "a.atlas")) as other:
            other.execute("DELETE FROM minimum WHERE id = 2")
            other.commit()
        with pytest.raises(
            AtlasError, match="the atlas is damaged; lossatlas verify lists all damage"
        ):
            atlas.commit(run_id, [attempt(origins=(2,))], "2")


def several(state, *ends: End) -> Pathway:
    return Pathway(state, ends)  # type: ignore[arg-type]


def test_a_side_may_reach_several_minima(atlas, commit, rng):
    a, b, c = (network_point(rng) for _ in range(3))
    states = [network_point(rng, index=1) for _ in range(3)]
    saddle = network_point(rng, index=2)
    commit(
        attempt(minima=[a, b, c]),
        attempt(
            pathways=[
                several(
                    states[0],
                    End(1, b, saddle, directions=13),
                    End(0, c),
                    End(1, a, saddle, 1e-4, "chebyshev", directions=13),
                ),
                several(states[1], End(0, b), End(1, b), End(1, symmetry_copy(rng, b))),
                several(states[2], End(0, a), End(1, b, states[0])),
            ]
        ),
    )
    table = atlas.transition_states().set_index("id")
    assert table["ends"].tolist() == [3, 2, 2]
    assert table[["minimum_1", "minimum_2"]].to_numpy().tolist() == [[1, 3], [2, 2], [1, 2]]
    assert table["degenerate"].tolist() == [False, True, False]
    assert table.loc[1, ["via_1_index"]].tolist() == [2]
    assert table.loc[3, ["via_2", "via_2_index"]].tolist() == [1, 1]
    link = schema.link.c
    with atlas.reading() as connection:
        tried = select(link.transition_state, link.minimum, link.directions)
        found = connection.execute(tried.where(link.directions.is_not(None))).all()
    assert sorted(map(tuple, found)) == [(1, 1, 13), (1, 2, 13)]
    assert atlas.attempts()["minima"][1] == (2, 3, 1, 2, 2, 2, 1, 2)
    assert atlas.check() == ()


def test_what_an_earlier_version_chose_by_a_convention_contradicts_nothing(commit, rng):
    """One of the minima below a saddle of index two, without a number of directions."""
    a, b, c = (network_point(rng) for _ in range(3))
    state, saddle = (network_point(rng, index=index) for index in (1, 2))
    below = [End(1, minimum, saddle, directions=11) for minimum in (b, c)]
    record = commit(
        attempt(pathways=[several(state, End(0, a), below[0]._replace(directions=None))]),
        attempt(pathways=[several(state, End(0, a), *below)]),
        attempt(pathways=[several(state, End(1, a), *(end._replace(side=0) for end in below))]),
        attempt(pathways=[several(state, End(0, b), *below)]),
    )
    again = commit(*(attempt(pathways=[several(state, End(0, x), *below)]) for x in (a, b)))
    conflicts = [found.conflicts for both in (record, again) for found in both.attempts]
    assert conflicts == [(), (), (), (1,), (), (1,)]


def test_ends_agree_whatever_the_order_of_sides(commit, rng):
    a, b, c = (network_point(rng) for _ in range(3))
    state = network_point(rng, index=1)
    record = commit(
        attempt(pathways=[several(state, End(0, a), End(1, b), End(1, c))]),
        attempt(pathways=[several(state, End(0, c), End(0, b), End(1, a))]),
        attempt(pathways=[several(state, End(0, a), End(1, b))]),
        attempt(pathways=[several(state, End(0, a), End(0, b), End(1, c))]),
    )
    assert [found.conflicts for found in record.attempts] == [(), (), (1,), (1,)]


@pytest.mark.parametrize("sides", [(), (0,), (1, 1), (0, 2)])
def test_a_transition_state_without_a_minimum_on_each_side_is_refused(atlas, commit, rng, sides):
    ends = [End(side, network_point(rng)) for side in sides]
    with pytest.raises(AtlasError, match="needs a minimum on each side, 0 and 1"):
        commit(attempt(pathways=[several(network_point(rng, index=1), *ends)]))
    assert atlas.status()["minima"] == 0
