"""From the log of an atlas to estimates: which attempts are draws, and what each of them hit."""

import json
from itertools import count, cycle, islice

import numpy as np
import pytest
from scipy.stats import beta

from lossatlas.analysis.abundance import chao1, chapman, coverage
from lossatlas.analysis.completeness import (
    abundances,
    completeness,
    completeness_table,
    is_complete,
    of_draws,
    proportion,
)
from lossatlas.atlas import Atlas, Attempt, Problem
from lossatlas.atlas.log import Draw
from lossatlas.errors import Status
from lossatlas.search.outcome import Cost, Outcome, Pathway, PathwayEnd, StationaryPoint


def point(energy: float, index: int = 0) -> StationaryPoint:
    spectrum = np.array([-1.0] * index + [1.0] * (4 - index))
    numbers = np.array([energy, 0.0])
    return StationaryPoint(numbers, energy, 1e-15, index, spectrum, 0.0, 1e-12, numbers, 1)


def attempt(strategy: str, number: int, **found) -> Attempt:
    status = Status.CONVERGED if found else Status.TOO_MANY_STEPS
    stream = {"independent-minima": "minima", "independent-saddles": "saddles"}.get(strategy)
    outcome = Outcome(status, Cost(5, 1), **found)
    return Attempt(strategy, (), f"seed 0 draw {number}", outcome, stream=stream)


def pathway(state: StationaryPoint, low: StationaryPoint, via=None) -> Pathway:
    how = 1e-3, "exponential"
    return Pathway(state, (PathwayEnd(0, low, via, *how), PathwayEnd(1, low, None, *how)))


@pytest.fixture
def atlas(tmp_path):
    with Atlas.create(tmp_path / "a.atlas", Problem({"function": "made up"})) as opened:
        run = opened.start_run({}, 0, {}, "cpu")
        keys = map(str, count())
        opened.commit_all = lambda *attempts: opened.commit(run, attempts, next(keys))
        yield opened


def test_an_atlas_without_draws_says_nothing(atlas):
    atlas.commit_all(attempt("basin-hopping", 0, minima=(point(0.1),)))
    assert completeness(atlas) == ()
    assert not is_complete(completeness(atlas), 0.01)


def test_draws_of_minima_are_counted_whoever_found_the_minimum_first(atlas):
    low, middle, high = point(0.1), point(0.2), point(0.3)
    atlas.commit_all(
        attempt("basin-hopping", 0, minima=(low, middle, low)),
        attempt("independent-minima", 0, minima=(low,)),
        attempt("independent-minima", 1, minima=(high,)),
        attempt("independent-minima", 2),
        attempt("independent-minima", 3, minima=(low,)),
        attempt("independent-minima", 3, minima=(low,)),  # by another program, too
    )
    (found,) = completeness(atlas)
    assert found.points == "minima"
    assert (found.draws, found.hits, found.distinct, found.known) == (4, 3, 2, 3)
    assert (found.singletons, found.doubletons) == (1, 1)
    assert found.coverage == coverage(np.array([2, 1]))
    assert found.chao1 == chao1(np.array([2, 1]))
    assert found.chapman == chapman(1, 2, 1)  # draws 0 and 2; draws 1 and 3
    # The later half of the hits: one that was news, one that was not.
    assert found.atlas_coverage.estimate == 0.5


def test_a_draw_hits_the_state_it_climbed_to_not_those_its_path_ran_into(atlas):
    low, saddle, other = point(0.1), point(0.5, 1), point(0.7, 1)
    atlas.commit_all(attempt("single-ended", 0, pathways=(pathway(point(0.9, 1), low),)))
    atlas.commit_all(
        attempt(
            "independent-saddles",
            0,
            pathways=(pathway(saddle, low), pathway(other, low, via=saddle)),
        )
    )
    ids = dict(zip(*(atlas.transition_states()[c] for c in ("loss", "id")), strict=True))
    atlas.commit_all(attempt("independent-saddles", 1, hits=(int(ids[0.7]),)))
    atlas.commit_all(attempt("independent-saddles", 2, hits=(int(ids[0.9]),)))
    (found,) = completeness(atlas)
    assert found.points == "transition states"
    assert (found.hits, found.distinct, found.singletons, found.doubletons) == (3, 2, 1, 1)


def test_draws_that_never_hit_anything_say_that_nothing_is_likely_to_be_hit():
    draws = [Draw(None, False)] * 400
    found = of_draws("transition states", draws, 0)
    assert (found.hits, found.distinct) == (0, 0)
    assert found.coverage.low > 0.99
    assert found.atlas_coverage.low > 0.98
    # One hit shows that there is something, and nothing is known about it.
    assert of_draws("transition states", [*draws, Draw(1, True)], 1).coverage.low == 0


def test_complete_means_both_streams_by_their_lower_bounds():
    many = of_draws("minima", [Draw(k, False) for k in islice(cycle(range(3)), 500)], 3)
    few = of_draws("transition states", [Draw(k, False) for k in islice(cycle(range(3)), 60)], 3)
    assert many.coverage.estimate == few.coverage.estimate == 1
    assert is_complete([many, many], 0.99)
    assert not is_complete([many, few], 0.99)
    assert is_complete([many, few], 0.9)
    assert not is_complete([many], 0.9)


def test_what_is_unseen_is_the_rest():
    found = of_draws("minima", [Draw(k, True) for k in (1, 1, 2, 2, 3, 1)], 3)
    assert found.unseen.estimate == pytest.approx(1 / 6)
    assert found.unseen.high == pytest.approx(1 - found.coverage.low)
    assert found.unseen.low == pytest.approx(1 - found.coverage.high)


def test_proportions_have_the_interval_of_clopper_and_pearson():
    found = proportion(7, 20)
    assert found == pytest.approx((0.35, beta.ppf(0.025, 7, 14), beta.ppf(0.975, 8, 13)))


def test_the_bound_on_the_atlas_holds_while_it_grows_by_itself():
    """An adaptive explorer finds points of its own between draws: known truth, 300 times."""
    random = np.random.default_rng(0)
    p = 1 / np.arange(1, 151.0) ** 1.5
    p /= p.sum()
    held = []
    for _ in range(300):
        known, draws = set(), []
        for drawn in random.choice(len(p), size=300, p=p).tolist():
            draws.append(Draw(drawn, drawn not in known))
            known.add(drawn)
            if random.random() < 0.2:  # what the others find does not depend on the draws
                known.add(int(random.integers(len(p))))
        held.append(
            of_draws("minima", draws, len(known)).atlas_coverage.low <= p[sorted(known)].sum()
        )
    assert np.mean(held) > 0.95


def test_abundances_leave_out_draws_without_a_hit():
    assert sorted(abundances([3, None, 3, 8, 3])) == [1, 3]
    assert abundances([None]).size == 0


def test_tables_have_plain_columns():
    found = of_draws("minima", [Draw(1, True), Draw(1, False)], 7)
    table = completeness_table([found, found])
    assert table["points"].tolist() == ["minima", "minima"]
    assert table["coverage_low"].tolist() == [found.coverage.low] * 2
    json.dumps(table.iloc[0].to_dict(), default=float)
    assert completeness_table([]).empty
