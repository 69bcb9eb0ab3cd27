"""Independent draws: uniform, reproducible, never adaptive; they say when a map is complete."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from lossatlas.analysis.completeness import STREAMS, completeness, proportion
from lossatlas.atlas import Atlas, Problem
from lossatlas.atlas.log import read_draws
from lossatlas.errors import BadInputError
from lossatlas.exploration import ExploreOptions, grow
from lossatlas.exploration.independent import DrawMinima, DrawSaddles
from lossatlas.exploration.random_starts import random_numbers
from lossatlas.exploration.tasks import Key, take
from lossatlas.exploration.tried import Tried
from lossatlas.landscape import NetworkLandscape


def view(minima: int, seed: int = 0, **landscape) -> SimpleNamespace:
    """As much of a view as draws look at."""
    shape = {"n_weights": 40, "excluded_modes": np.zeros((4, 40)), **landscape}
    return SimpleNamespace(
        weights=np.zeros((minima, 40)),
        minima_inside=np.arange(minima),
        landscape=SimpleNamespace(**shape),
        seed=seed,
        tried=Tried(),
        ids=lambda *positions: tuple(int(p) + 7 for p in positions),
    )


def arguments(task):
    """Mode, sign and displacement of a climb."""
    return tuple(task.search.keywords[name] for name in ("mode", "sign", "displacement"))


def test_climbs_are_chosen_uniformly():
    tasks = take(DrawSaddles()(view(5)), 4000, Tried())
    modes, signs, displacements = zip(*map(arguments, tasks), strict=True)
    origins = [task.key.origins[0] - 7 for task in tasks]
    together = np.ravel_multi_index((origins, modes, (np.array(signs) + 1) // 2), (5, 8, 2))
    assert chisquare(np.bincount(together, minlength=80)).pvalue > 1e-3
    assert kstest(np.log2(displacements), "uniform", (-1, 2)).pvalue > 1e-3
    assert len(set(displacements)) == 4000, "no search is made twice"


def test_small_landscapes_have_fewer_modes():
    small = view(1, n_weights=3, excluded_modes=np.zeros((1, 3)))
    assert {arguments(task)[0] for task in take(DrawSaddles()(small), 100, Tried())} == {0, 1}


def test_without_minima_there_is_nothing_to_climb_from():
    assert list(DrawSaddles()(view(0))) == []
    assert len(take(DrawMinima()(view(0)), 3, Tried())) == 3


def test_a_draw_depends_on_its_seed_and_number_alone():
    def described(seed, minima, skipped=()):
        seen = view(minima, seed)
        for k in skipped:
            seen.tried.add(Key("independent-saddles", (9,), f"seed {seed} draw {k}"))
        tasks = take(DrawSaddles()(seen), 20, Tried())
        return {task.key.what: (task.key.origins, *arguments(task)) for task in tasks}

    assert described(3, 5) == described(3, 5)
    continued = described(3, 5, skipped=range(10))
    assert set(continued).isdisjoint({f"seed 3 draw {k}" for k in range(10)})
    assert all(
        described(3, 5)[f"seed 3 draw {k}"] == continued[f"seed 3 draw {k}"] for k in (10, 19)
    )
    other = described(4, 5)
    assert set(described(3, 5).values()).isdisjoint(other.values())


def test_no_two_draws_share_random_numbers():
    """Nor does a draw with a chain of basin-hopping of the same seed."""
    firsts = [random_numbers(s, t, k).random() for s in range(9) for t in (0, 1) for k in range(9)]
    firsts += [np.random.default_rng([s, k]).random() for s in range(9) for k in range(9)]
    assert len(set(firsts)) == 3 * 81


@pytest.fixture(scope="module")
def small():
    random = np.random.default_rng(5)
    return NetworkLandscape(random.normal(size=(40, 2)), random.integers(3, size=40), (3,), 1e-3)


def run(landscape, path, **options):
    """The log, and the loss of what each draw of a minimum hit."""
    arrays = {"train_inputs": landscape.inputs, "train_labels": landscape.labels}
    with Atlas.open_or_create(path, Problem(landscape.fingerprint(), {}, arrays)) as atlas:
        done = grow(landscape, atlas, ExploreOptions(minutes=3, **options))
        log = atlas.attempts()
        losses = atlas.minima().set_index("id")["loss"]
        streams = completeness(atlas)
    draws = log[log["strategy"] == "independent-minima"]
    hit = {row.what: losses.loc[list(row.minima)].tolist() for row in draws.itertuples()}
    names = log[["strategy", "origin", "what", "part", "status"]].to_numpy().tolist()
    return done, names, hit, streams


def test_draws_obey_the_rules_of_explorations(small, tmp_path):
    """One worker or two, a shorter run a prefix of a longer one, continued without repetition."""
    half = {"independent_share": 0.5}
    _, long, hit, streams = run(small, tmp_path / "a", transition_states=8, workers=1, **half)
    _, short, _, _ = run(small, tmp_path / "b", transition_states=4, workers=2, **half)
    assert long[: len(short)] == short
    _, continued, _, _ = run(small, tmp_path / "b", transition_states=6, **half)
    assert continued[: len(short)] == short
    names = [tuple(map(str, row[:4])) for row in continued]
    assert len(set(names)) == len(names)
    assert [s.points for s in streams] == ["minima", "transition states"]
    # Whatever else is going on, a draw of a minimum hits the same.
    _, _, alone, _ = run(small, tmp_path / "c", transition_states=3, independent_share=1.0)
    common = sorted(hit.keys() & alone.keys())
    assert len(common) >= 12
    for name in common:
        assert hit[name] == pytest.approx(alone[name], abs=1e-10)


def test_without_a_share_there_are_no_draws(small, tmp_path):
    _, names, _, streams = run(small, tmp_path / "e", transition_states=4)
    assert not any(name.startswith("independent") for name, *_ in names)
    assert streams == ()


@pytest.mark.parametrize(
    "bad",
    [
        {"until": 1.0},
        {"until": 0},
        {"independent_share": 1.5},
        {"until": 0.9, "independent_share": 0},
    ],
)
def test_options_that_mean_nothing_are_refused(bad):
    with pytest.raises(BadInputError, match=f"explore: {next(iter(reversed(bad)))}"):
        ExploreOptions(**bad)


def test_the_share_has_a_default_that_fits():
    assert ExploreOptions().share_of_draws == 0
    assert ExploreOptions(until=0.99).share_of_draws == 0.5
    assert ExploreOptions(until=0.99, independent_share=0.2).share_of_draws == 0.2


def morse(shared, number):
    fixture = json.loads((shared / "morse_fixture.json").read_text())
    case = fixture["cases"][number]
    inputs, labels = np.array(fixture["X"]), np.array(fixture["c"])
    counts = [sum(p["index"] == index for p in case["points"]) for index in (0, 1)]
    return NetworkLandscape(inputs, labels, (case["n_hidden"],), case["lam"]), counts


def assert_exhausted(done, streams, counts, until):
    """The truth, all points of a landscape, is inside every interval."""
    assert done.reason == "complete"
    for stream, known in zip(streams, counts, strict=True):
        assert stream.coverage.low >= until
        assert stream.distinct == known
        for estimate in (stream.chao1, stream.chapman):
            assert estimate.low <= known <= estimate.high
        assert (stream.coverage.estimate, stream.coverage.high) == (1, 1)


def test_an_exhausted_landscape_is_called_complete(shared, tmp_path):
    """Three minima, three transition states, all found by independent draws alone."""
    landscape, counts = morse(shared, 1)
    done, names, _, streams = run(landscape, tmp_path / "f", until=0.9, independent_share=1.0)
    assert_exhausted(done, streams, counts, 0.9)
    assert {name for name, *_ in names} == {"independent-minima", "independent-saddles"}
    again, *_ = run(landscape, tmp_path / "f", until=0.9, independent_share=1.0)
    assert (again.reason, again.attempts) == ("complete", 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_all_exhausted_landscapes_are_called_complete(shared, tmp_path, number, seed):
    landscape, counts = morse(shared, number)
    done, _, _, streams = run(landscape, tmp_path / "g", until=0.99, seed=seed)
    assert_exhausted(done, streams, counts, 0.99)


@pytest.mark.slow
def test_what_draws_say_about_d2_comes_true(shared, tmp_path):
    """A second, independent run of draws decides whether the intervals of the first were right."""
    data = np.load(shared / "peer" / "d2" / "data.npz")
    landscape = NetworkLandscape(data["inputs"][:1000], data["labels"][:1000], (10,), 1e-4)
    arrays = {"train_inputs": landscape.inputs, "train_labels": landscape.labels}
    with Atlas.create(tmp_path / "d2", Problem(landscape.fingerprint(), {}, arrays)) as atlas:
        grow(landscape, atlas, ExploreOptions(cpu_minutes=2, independent_share=0.5))
        predicted = completeness(atlas)
        before = {points: read_draws(atlas, name) for points, name in STREAMS.items()}
        again = ExploreOptions(cpu_minutes=2, independent_share=1.0, seed=1)
        grow(landscape, atlas, again)
        after = {points: read_draws(atlas, name) for points, name in STREAMS.items()}
        known = [len(atlas.minima()), len(atlas.transition_states())]
    for stream, number in zip(predicted, known, strict=True):
        hit = {draw.point for draw in before[stream.points]}
        fresh = after[stream.points][stream.draws :]
        fresh = [draw.point for draw in fresh if draw.point is not None]
        assert len(fresh) > 50
        seen = proportion(sum(point in hit for point in fresh), len(fresh))
        held = proportion(sum(point <= stream.known for point in fresh), len(fresh))
        print(stream, seen, held)
        assert seen.low <= stream.coverage.high
        assert stream.coverage.low <= seen.high
        assert stream.atlas_coverage.low <= held.high
        assert stream.chao1.low <= number
        assert stream.chapman.low <= number
