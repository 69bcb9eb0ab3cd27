"""The recipes are those of the paper."""

import pytest

from lossatlas.errors import BadInputError
from lossatlas.landscape.architecture import Architecture
from lossatlas.landscape.connectivity import nearest_neighbor_mask
from lossatlas.paper.artifacts import ARTIFACTS, artifacts
from lossatlas.paper.recipes import cells_of, recipes
from lossatlas.paper.scales import PAPER, SCALES
from lossatlas.studies.study import Study

ALL = [
    pytest.param(column.cell(draw), id=f"{scale.name}-{recipe.name}-{column.key}-{draw}")
    for scale in SCALES.values()
    for recipe in recipes(scale).values()
    for column in recipe.columns
    for draw in (1, 2)
]


USUAL = {
    "data": {"path": None, "curvature": "signed", "target_scaling": "none"},
    "network": {"activation": "tanh", "smoothing": None},
    "loss": {"function": "softmax-cross-entropy", "convention": "paper", "sharpness": None},
}
"""What goes without saying: where MNIST is kept, labels of GMIN, and what the paper's networks are
made of."""


@pytest.mark.parametrize("cell", ALL)
def test_every_cell_is_a_study_with_all_settings_written_out(cell):
    study = Study.model_validate(cell.study)
    for name in ("data", "network", "loss"):
        left_out = set(study.tables[name]) - set(cell.study[name])
        assert {one: study.tables[name][one] for one in left_out} == {
            one: USUAL[name][one] for one in left_out
        }
    assert cell.study["data"]["seed"] == cell.draw


def test_a_draw_is_the_seed_of_everything_but_where_seeds_are_varied():
    for recipe in recipes(PAPER).values():
        for column in recipe.columns:
            cell = column.cell(3)
            seeds = {cell.seed, cell.study.get("noise", {}).get("seed", 3)}
            assert recipe.kind in ("seeds", "crossed") or seeds == {3}


def test_crossed_seeds_are_those_of_no_other_study():
    recipe = recipes(PAPER)["crossed-d1"]
    cells = [column.cell(2) for column in recipe.columns]
    pairs = {(cell.study["noise"]["seed"], cell.seed) for cell in cells}
    assert len(pairs) == 6 == len({cell.key for cell in cells})
    assert min(seed for pair in pairs for seed in pair) > 10_000
    assert {cell.study["data"]["seed"] for cell in cells} == {2}
    assert {cell.noise for cell in cells} == {0.5}
    assert recipe.draws == 4


def test_the_first_seed_of_table_iv_is_the_landscape_of_the_table():
    by_name = recipes(PAPER)
    for items, draw in (("100", 1), ("1000", 1), ("100", 11)):
        table = [column.cell(draw) for column in by_name[f"layers-{items}"].columns]
        seeds = [column.cell(draw) for column in by_name[f"seeds-{items}"].columns]
        assert [cell for cell in seeds if cell.seed == draw] == table
        assert [cell.seed for cell in seeds] == [draw, draw + 1, draw + 2] * 2


def frozen(hidden: list[int], neighbors: int) -> int:
    masks = nearest_neighbor_mask(2, hidden, 4, neighbors)
    kept = tuple(tuple(tuple(bool(x) for x in row) for row in mask) for mask in masks)
    architecture = Architecture((2, *hidden, 4), kept)
    return architecture.n_full - architecture.n_weights


def test_the_networks_of_the_paper():
    by_name = recipes(PAPER)
    wide = [column.cell(1).study["network"] for column in by_name["masks-wide"].columns]
    assert [frozen(n["hidden"], n["neighbors"]) for n in wide[:3]] == [40, 20, 10]
    sizes = {"noise-d1": [74] * 4, "layers-1000": [69, 72], "layers-100": [69, 72]}
    for name, expected in sizes.items():
        hidden = [c.cell(1).study["network"]["hidden"] for c in by_name[name].columns]
        assert [Architecture((2, *h, 4)).n_weights for h in hidden] == expected
    train, _, hidden = PAPER.mnist
    assert (train, Architecture((784, hidden, 10)).n_weights) == (1000, 7960)


def test_percentages_of_the_paper():
    by_name = recipes(PAPER)
    noise = {name: [c.cell(1).noise for c in r.columns] for name, r in by_name.items()}
    assert noise["noise-d1"] == noise["noise-d2"] == noise["noise-d3"] == [0, 0.1, 0.5, 1]
    assert noise["mnist-nearest"] == [0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 1]
    assert noise["mnist-as-written"] == noise["mnist-nearest"]


def test_columns_of_a_draw_differ_in_one_thing_only():
    for recipe in recipes(PAPER).values():
        cells = [column.cell(2) for column in recipe.columns]
        assert len({str(cell.study["data"]) for cell in cells}) == 1
        assert len({cell.key for cell in cells}) == len(cells)


def test_the_same_landscape_is_the_same_cell_in_every_study():
    by_name = recipes(PAPER)

    def column(name: str, key: str):
        return next(c for c in by_name[name].columns if c.key == key)

    def key(name: str, key: str) -> str:
        return column(name, key).cell(1).key

    assert key("noise-d1", "0") == key("masks-wide", "0")
    assert key("masks-two", "0") == key("noise-two", "0")
    grown = column("layers-1000", "2")
    assert grown.before(1).key == key("masks-two", "0")
    assert grown.cell(1) == grown.before(1)._replace(aim="connected", independent_share=0.05)


def test_draws_come_one_after_the_other_and_minutes_replace_the_budget():
    recipe = recipes(PAPER)["noise-d2"]
    cells = [cell for _, cell in cells_of(recipe, draws=2, minutes=3.0)]
    assert [cell.draw for cell in cells] == [1] * 4 + [2] * 4
    assert {(c.budget.minutes, c.budget.cpu_minutes) for c in cells} == {(3.0, None)}
    assert len(list(cells_of(recipe))) == 4 * recipe.draws
    fresh = [cell for _, cell in cells_of(recipe, draws=2, first=11)]
    assert [cell.draw for cell in fresh] == [11] * 4 + [12] * 4


def test_artifacts_by_name():
    assert artifacts(("all",)) == list(ARTIFACTS)
    assert [a.name for a in artifacts(("figure-2", "table-1"))] == ["table-1", "figure-2"]
    assert {name for a in ARTIFACTS for name in a.recipes} == set(recipes(PAPER))
    with pytest.raises(BadInputError, match=r"table-9.*use all or some of table-1"):
        artifacts(("table-1", "table-9"))


def test_kinds_of_noise_share_their_clean_landscape_and_refer_to_it():
    by_name = recipes(PAPER)
    kinds = {name: r for name, r in by_name.items() if name.startswith("kinds-")}
    assert len(kinds) == 10
    clean = by_name["noise-d1"].columns[0].cell(1)
    for name, recipe in kinds.items():
        first, *others = (column.cell(1) for column in recipe.columns)
        assert [cell.noise for cell in others] == [0.1, 0.25, 0.5, 0.6, 0.75, 0.9, 1.0]
        if "d1" in name:
            assert first.key == clean.key
        tables = [cell.study["noise"] for cell in others]
        assert {table["kind"] for table in tables} == {name.split("-", 1)[1].rsplit("-", 1)[0]}
        for table in tables:
            assert table.get("reference", f"cell {first.key}") == f"cell {first.key}"
    half = kinds["kinds-uniform-d1"].columns[3].cell(1)
    assert half.key == by_name["noise-d1"].columns[2].cell(1).key
