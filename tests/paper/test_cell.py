"""Keys of cells: stable, and different for different settings; budgets."""

import copy
from pathlib import Path

import pytest

from lossatlas import ExploreOptions
from lossatlas.paper.cell import Cell, Effort, exhausted
from lossatlas.paper.exploring import draws_in
from lossatlas.paper.recipes import ljat3_cell, recipes
from lossatlas.paper.scales import PAPER

COMPUTED = Path(__file__).parent.parent.parent / "docs" / "results" / "cells"


def paper_cell(draw: int = 1) -> Cell:
    return ljat3_cell(PAPER, draw, side="D2", noise=0.1)


def leaves(tables: dict, path: tuple = ()) -> list[tuple]:
    """The places of all settings of a study."""
    found = []
    for name, value in tables.items():
        here = (*path, name)
        found += leaves(value, here) if isinstance(value, dict) else [here]
    return found


def changed(cell: Cell, path: tuple) -> Cell:
    study = copy.deepcopy(cell.study)
    table = study
    for name in path[:-1]:
        table = table[name]
    table[path[-1]] = "another"
    return cell._replace(study=study)


def test_keys_do_not_change_between_versions():
    """Computed cells stay valid: these are the keys of the first version."""
    assert paper_cell().key.startswith("fbc88515")
    assert ljat3_cell(PAPER, 1).key.startswith("3603c7c3")


def test_every_cell_computed_is_one_of_the_recipes():
    """The folders of the results carry the names that the versions before gave."""
    computed = {folder.name for folder in COMPUTED.iterdir()}
    ours = {
        of(draw).name
        for recipe in recipes(PAPER).values()
        for column in recipe.columns
        for of in (column.cell, column.before or column.cell)
        for draw in draws_in(COMPUTED.parent)
    }
    assert len(computed) > 100
    assert computed <= ours


@pytest.mark.parametrize("path", leaves(paper_cell().study), ids="-".join)
def test_every_setting_of_the_study_changes_the_key(path):
    cell = paper_cell()
    assert changed(cell, path).key != cell.key


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"strategies": ("basin-hopping",)},
        {"independent_share": 0.5},
        {"auc": "macro"},
        {"auc": 1},
    ],
    ids=str,
)
def test_how_it_is_searched_changes_the_key(change):
    cell = paper_cell()
    assert cell._replace(**change).key != cell.key


def test_the_budget_and_the_order_of_settings_do_not_change_the_key():
    cell = paper_cell()
    backwards = {name: dict(reversed(t.items())) for name, t in reversed(cell.study.items())}
    assert cell._replace(study=backwards, budget=ExploreOptions(minutes=1)).key == cell.key


def test_names_tell_what_a_cell_is():
    name = ljat3_cell(PAPER, 3, noise=0.5, hidden=(5, 5), neighbors=2).name
    assert name.startswith("d1-5x5-1000-0.0001-noise50-near2-draw3-")


@pytest.mark.parametrize(
    ("budget", "effort", "expected"),
    [
        (ExploreOptions(), Effort(seconds=1e9), False),
        (ExploreOptions(minutes=10), Effort(seconds=599.0), False),
        (ExploreOptions(minutes=10), Effort(seconds=600.0), True),
        (ExploreOptions(cpu_minutes=10), Effort(seconds=6000.0), False),
        (ExploreOptions(cpu_minutes=10), Effort(cpu_seconds=600.0), True),
        (ExploreOptions(minutes=10, transition_states=5), Effort(transition_states=5), True),
        (ExploreOptions(minutes=10, minima=50), Effort(minima=49), False),
        (ExploreOptions(minutes=10, minima=50), Effort(minima=50), True),
        (ExploreOptions(minutes=10), Effort(reason="nothing new"), True),
        (ExploreOptions(minutes=10), Effort(seconds=9.0, reason="interrupted"), False),
    ],
)
def test_when_a_cell_has_had_enough(budget, effort, expected):
    assert exhausted(budget, effort) is expected
