"""Explorations that can be checked completely: nothing missing, nothing twice, and reproducible."""

import json
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Problem
from lossatlas.data.ljat3_energy import ljat3_planar
from lossatlas.errors import BadInputError, Status
from lossatlas.exploration import ExploreOptions, Key, Strategy, Task, explorer, grow, verify
from lossatlas.exploration.strategies import FindMinima
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.lanes.compilation import Forecast
from lossatlas.lanes.requests import Request
from lossatlas.search.basin_hopping import RMS
from lossatlas.search.outcome import Cost, Outcome
from lossatlas.testing.surfaces import LJAT3_PLANAR, MUELLER_BROWN

REFLECTIONS = np.array([np.diag([s, s, t]) for s in (1.0, -1.0) for t in (1.0, -1.0)])


def open_atlas(path, landscape):
    arrays = {}
    if isinstance(landscape, NetworkLandscape):
        arrays = {"train_inputs": landscape.inputs, "train_labels": landscape.labels}
    return Atlas.open_or_create(path, Problem(landscape.fingerprint(), {}, arrays))


def ljat3():
    return FunctionLandscape(
        ljat3_planar,
        low=[0.9, -2.0, 0.3],
        high=[2.2, 2.0, 2.0],
        name="LJAT3",
        symmetry=REFLECTIONS,
        length_scale=0.3,
    )


def test_ljat3_is_mapped_completely(tmp_path):
    """Four minima, three transition states, each from the equilateral to one linear form.

    The linear forms lie outside of the box, which keeps random starts from putting atom on atom.
    """
    landscape = ljat3()
    with open_atlas(tmp_path / "ljat3.atlas", landscape) as atlas:
        done = grow(landscape, atlas, ExploreOptions(minutes=3))
        minima, states = atlas.minima(outside=True), atlas.transition_states(outside=True)
        found = [sorted(minima["loss"]), sorted(states.query("not degenerate")["loss"])]
        equilateral = int(minima["id"][minima["loss"].idxmax()])
        linear = sorted(set(minima["id"]) - {equilateral})
        joined = [sorted(pair) for pair in states[["minimum_1", "minimum_2"]].to_numpy().tolist()]
        assert verify(landscape, atlas).failures == ()
    assert done.reason == "nothing new"
    assert minima["outside"].tolist() == [i in linear for i in minima["id"]]
    for index in (0, 1):
        known = sorted(p.energy for p in LJAT3_PLANAR.points if p.hessian_index == index)
        known = _distinct(known, landscape, index)
        np.testing.assert_allclose(found[index], known, atol=1e-8)
    assert sorted(joined) == sorted(sorted([equilateral, i]) for i in linear)


def _distinct(energies, landscape, index):
    """Energies of the known points that are no copies of each other."""
    points = [p for p in LJAT3_PLANAR.points if p.hessian_index == index]
    forms = {tuple(np.round(landscape.invariants(np.array(p.position)), 6)): p for p in points}
    return sorted(p.energy for p in forms.values())


def test_mueller_brown_is_mapped_completely(tmp_path):
    landscape = FunctionLandscape(
        MUELLER_BROWN.energy, [-1.5, -0.5], [1.2, 2.0], "Mueller-Brown", length_scale=0.3
    )
    with open_atlas(tmp_path / "mb.atlas", landscape) as atlas:
        grow(landscape, atlas, ExploreOptions(minutes=2))
        status, states = atlas.status(), atlas.transition_states()
    assert (status["minima"], status["transition_states"], status["components"]) == (3, 2, 1)
    saddles = sorted(p.energy for p in MUELLER_BROWN.points if p.hessian_index == 1)
    np.testing.assert_allclose(sorted(states["loss"]), saddles, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 2])
def test_complete_landscapes_of_tiny_networks(shared, tmp_path, number):
    """All minima and index-one points of an independent, exhaustive computation, with orbits."""
    fixture = json.loads((shared / "morse_fixture.json").read_text())
    assert len(fixture["cases"]) == 3
    inputs, labels, case = np.array(fixture["X"]), np.array(fixture["c"]), fixture["cases"][number]
    landscape = NetworkLandscape(inputs, labels, (case["n_hidden"],), case["lam"], classes=4)
    if landscape.n_weights != len(case["points"][0]["w"]):
        landscape = NetworkLandscape(inputs, labels, (case["n_hidden"],), case["lam"])
    with open_atlas(tmp_path / "tiny.atlas", landscape) as atlas:
        grow(landscape, atlas, ExploreOptions(minutes=3))
        tables = atlas.minima(), atlas.transition_states()
        assert verify(landscape, atlas).failures == ()
    for index, table in enumerate(tables):
        known = sorted((p["E"], p["orbit"]) for p in case["points"] if p["index"] == index)
        found = sorted(zip(table["loss"], table["orbit_size"], strict=True))
        np.testing.assert_allclose([e for e, _ in found], [e for e, _ in known], atol=1e-9)
        assert [int(orbit) for _, orbit in found] == [orbit for _, orbit in known]


@pytest.fixture(scope="module")
def small():
    random = np.random.default_rng(5)
    inputs = random.normal(size=(40, 2))
    labels = random.integers(3, size=40)
    return NetworkLandscape(inputs, labels, (3,), 1e-3)


def _run(landscape, path, **options):
    with open_atlas(path, landscape) as atlas:
        grow(landscape, atlas, ExploreOptions(minutes=2, **options))
        states = atlas.transition_states()
        attempts = atlas.attempts()[["strategy", "origin", "what", "part", "status"]]
        return states[["loss", "minimum_1", "minimum_2"]].to_numpy(), attempts.to_numpy().tolist()


def test_the_result_depends_on_the_seed_not_on_workers(small, tmp_path):
    """Same seed, one worker or two: the same points in the same order."""
    one, log_one = _run(small, tmp_path / "a", transition_states=8, workers=1)
    two, log_two = _run(small, tmp_path / "b", transition_states=8, workers=2)
    np.testing.assert_allclose(one, two, atol=1e-11)
    assert log_one == log_two


def test_a_shorter_run_is_a_prefix_of_a_longer_one(small, tmp_path):
    short, log_short = _run(small, tmp_path / "a", transition_states=4)
    long, log_long = _run(small, tmp_path / "b", transition_states=8)
    np.testing.assert_allclose(long[: len(short)], short, atol=1e-11)
    assert log_long[: len(log_short)] == log_short


def test_an_exploration_is_continued(small, tmp_path):
    path = tmp_path / "c"
    first, log = _run(small, path, transition_states=4)
    second, log_after = _run(small, path, transition_states=8)
    assert len(second) >= 8 > len(first)
    assert log_after[: len(log)] == log
    names = [tuple(map(str, row[:4])) for row in log_after]
    assert len(set(names)) == len(names), "no search is made twice"


def test_a_number_already_reached_starts_nothing(small, tmp_path):
    path = tmp_path / "d"
    _run(small, path, transition_states=4)
    with open_atlas(path, small) as atlas:
        done = grow(small, atlas, ExploreOptions(transition_states=2))
    assert (done.reason, done.attempts) == ("number", 0)


def test_minima_are_sampled_by_one_strategy_until_there_are_enough(small, tmp_path):
    path = tmp_path / "f"
    with open_atlas(path, small) as atlas:
        options = ExploreOptions(minima=3, strategies=("basin-hopping",), minutes=2)
        done = grow(small, atlas, options)
        strategies = set(atlas.attempts()["strategy"])
    assert (done.reason, done.transition_states, strategies) == ("number", 0, {"basin-hopping"})
    assert 3 <= done.minima <= 5  # the last chain brings up to three


@pytest.mark.parametrize("draws", [None, "minima"])
def test_time_does_not_discard_what_finished_early(tmp_path, monkeypatch, draws):
    """A chain that never ends comes first; those behind it are committed all the same.

    Unless they are independent draws: the quick ones would be counted more often than the slow.
    """
    landscape, finished = ljat3(), []

    def endless(tools):
        while True:
            yield Request(tools.quench, (np.array([1.2, 0.1, 1.0]), np.asarray(RMS)))

    def counted(task, tools):
        last = yield from task.search(tools)
        finished.append(task)
        return last

    def slow_start(view):
        yield Task(Key("basin-hopping", (), "endless"), endless)
        for task in FindMinima()(view):
            yield task._replace(search=partial(counted, task))

    chains = Strategy("basin-hopping", slow_start, draws=draws)
    options = ExploreOptions(
        workers=2, strategies=[chains], independent_share=None if draws is None else 1.0
    )
    monkeypatch.setattr(explorer._Rounds, "time_is_up", lambda rounds: len(finished) >= 3)
    with open_atlas(tmp_path / "h", landscape) as atlas:
        done = grow(landscape, atlas, options)
        log = atlas.attempts()
    assert done.reason == "time"
    assert done.attempts == len(log)
    if draws is None:
        assert len(log) >= 9  # three chains of three quenches
        assert "endless" not in set(log["what"])
        assert set(log["part"]) == {1, 2, 3}
    else:
        assert len(log) == 0


@dataclass(frozen=True)
class Pause:
    """A host call that takes its time."""

    def call(self, surface, w):
        time.sleep(0.3)
        return w


def test_what_is_no_outcome_does_not_discard_what_others_found(tmp_path):
    """The second finishes before the first; all that come after hand over something else."""
    landscape = ljat3()

    def search(tools, number):
        if number == 0:
            yield Request(Pause(), (np.zeros(1),))
        yield []
        return Outcome(Status.NO_CANDIDATE, Cost()) if number < 2 else "nonsense"

    def propose(view):
        for number in range(100):
            yield Task(Key("own", (), f"{number}"), partial(search, number=number))

    options = ExploreOptions(workers=1, strategies=[Strategy("own", propose)])
    with open_atlas(tmp_path / "a", landscape) as atlas:
        with pytest.raises(BadInputError, match="strategy own: a search hands over str"):
            grow(landscape, atlas, options)
        assert set(atlas.attempts()["what"]) >= {"1"}
        assert atlas.check() == ()


def test_cpu_time_ends_an_exploration(small, tmp_path):
    with open_atlas(tmp_path / "g", small) as atlas:
        done = grow(small, atlas, ExploreOptions(cpu_minutes=0.02))
    assert done.reason == "time"
    assert done.cpu_seconds >= 1.2


@pytest.mark.parametrize("names", [(), ("untrap", "anneal")])
def test_unknown_strategies_are_refused(names):
    with pytest.raises(BadInputError, match=r"strategies: .*use some of basin-hopping"):
        ExploreOptions(strategies=names)


@pytest.mark.parametrize(
    "name", ["minutes", "cpu_minutes", "transition_states", "minima", "lanes", "workers"]
)
def test_limits_must_be_positive(name):
    with pytest.raises(BadInputError, match=name):
        ExploreOptions(**{name: 0})


def test_points_of_the_atlas_are_consistent(small, tmp_path):
    """Transition states lie above the minima they join; every minimum below C lnC."""
    path = tmp_path / "e"
    _run(small, path, transition_states=8)
    with open_atlas(path, small) as atlas:
        points = atlas.network()
    ends = points.minimum_energies[np.stack([points.minimum_1, points.minimum_2])]
    assert (points.transition_state_energies > ends.max(axis=0)).all()
    assert (points.transition_state_columns["curvature"] < 0).all()
    assert (points.columns["lowest_eigenvalue"] > 0).all()


def test_what_cannot_be_compiled_in_time_is_not_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(Forecast, "seconds", lambda self, kernel, lanes: 70.0)
    landscape = ljat3()
    with open_atlas(tmp_path / "ljat3.atlas", landscape) as atlas:
        for limit in (ExploreOptions(minutes=1), ExploreOptions(cpu_minutes=1)):
            done = grow(landscape, atlas, limit)
            assert (done.reason, done.attempts, done.uncompiled) == ("time", 0, ("Quench",))
            assert done.compile_seconds == 70.0
            assert done.seconds < 30
        assert atlas.status()["unfinished_runs"] == 0


def test_an_interrupt_at_any_moment_closes_the_run(tmp_path, monkeypatch):
    """While it is planned, and when the end is being written; before it begins there is no run."""
    landscape = ljat3()

    def interrupted(*_):
        raise KeyboardInterrupt

    with open_atlas(tmp_path / "ljat3.atlas", landscape) as atlas:
        with monkeypatch.context() as patch:
            patch.setattr(explorer, "plan_round", interrupted)
            assert grow(landscape, atlas, ExploreOptions()).reason == "interrupted"
        with monkeypatch.context() as patch:
            patch.setattr(explorer, "default_tools", interrupted)
            with pytest.raises(KeyboardInterrupt):
                grow(landscape, atlas, ExploreOptions())
        finish, calls = atlas.finish_run, []

        def finish_run(*ending):
            calls.append(ending)
            if len(calls) == 1:
                raise KeyboardInterrupt
            finish(*ending)

        monkeypatch.setattr(atlas, "finish_run", finish_run)
        monkeypatch.setattr(explorer, "plan_round", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grow(landscape, atlas, ExploreOptions())
        assert (atlas.status()["runs"], atlas.status()["unfinished_runs"]) == (2, 0)
