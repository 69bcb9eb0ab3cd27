"""Recipes: the studies of the paper, and some beyond it, as landscapes to be explored.

A study is a row of *columns* like those of a table of the paper: label errors of 0, 10, 50 and
100 %, numbers of neighbors, or layers. A column makes one cell for each random draw; its number is
the seed of data, wrong labels and searches. All columns of a draw share their data.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from lossatlas.paper.cell import REFERENCE, Cell
from lossatlas.paper.scales import ERRORS, MNIST_ERRORS, Scale

AS_WRITTEN = (0.1, "raw", "none")
"""Lambda, unit and scaling of the pixels of MNIST: lambda as the paper prints it, and pixels as in
the files, since the paper says nothing of them."""
NEAREST = (0.03, "unit", "standard")
"""Those that came nearest to Table III in the scan of settings (`mnist_settings`)."""
BY_REFERENCE = ("boundary", "adversarial")
"""Kinds of noise that depend on the outputs of the lowest minimum of the clean landscape."""
CONFUSION = (
    (0.0, 0.6, 0.2, 0.2),
    (0.6, 0.0, 0.2, 0.2),
    (0.6, 0.2, 0.0, 0.2),
    (0.6, 0.2, 0.2, 0.0),
)
"""Errors of class-conditional noise: linear clusters are mostly taken for the triangle, and the
triangle for the cluster with atom 1 in the middle, with which it overlaps in the two distances."""
CONNECTED_SHARE = 0.05
"""Share of independent draws in an exploration that grows one connected set."""
INDEPENDENT_SHARE = 0.25
"""Share of independent draws in all other explorations, to estimate completeness."""


class Column(NamedTuple):
    """A column of a study.

    Attributes:
        label: the heading of the column.
        key: its name in the file of published numbers.
        cell: a function that makes the cell of a draw.
        before: a function that makes the cell of an earlier version, whose results are shown until
            there are new ones.
    """

    label: str
    key: str
    cell: Callable[[int], Cell]
    before: Callable[[int], Cell] | None = None


class Recipe(NamedTuple):
    """A study of the paper, or one beyond it.

    Attributes:
        name: name of the study, in names of files.
        title: title of the study, with the shorthand of the network.
        kind: what varies from column to column; ``"kinds"`` for label errors of one kind among
            others, ``"seeds"`` for seeds of the searches alone, and ``"crossed"`` for seeds of
            labels and searches.
        columns: the columns in the order of the paper.
        draws: number of random draws by default.
        published: its name in the file of published numbers if that is another one.
    """

    name: str
    title: str
    kind: Literal["noise", "kinds", "mnist", "masks", "layers", "seeds", "crossed"]
    columns: tuple[Column, ...]
    draws: int = 1
    published: str = ""


CROSSED_ERRORS = 0.5
"""Share of wrong labels where seeds are crossed."""
CROSSED_SEEDS = 10_000
"""Seeds of labels and searches count from here where seeds are crossed, far from those of draws."""


def recipes(scale: Scale) -> dict[str, Recipe]:
    """All studies by name, in the order in which they are run.

    Examples:
        >>> from lossatlas.paper.scales import PAPER
        >>> list(recipes(PAPER))[:3]
        ['noise-d1', 'noise-d2', 'noise-d3']
    """
    wide, narrow, two, three = scale.hidden, scale.narrow, scale.two, scale.three
    in_order = (
        *(_noise_recipe(scale, f"noise-{s.lower()}", s, wide) for s in ("D1", "D2", "D3")),
        _mask_recipe(scale, "masks-wide", wide, 1e-4, scale.wide_near),
        _mask_recipe(scale, "masks-narrow", narrow, 1e-5, scale.narrow_near),
        _layer_recipe(scale, "layers-1000", scarce=False),
        _mnist_recipe(scale, "mnist-nearest", NEAREST),
        _mnist_recipe(scale, "mnist-as-written", AS_WRITTEN),
        _layer_recipe(scale, "layers-100", scarce=True),
        _mask_recipe(scale, "masks-two", two, 1e-4, scale.deep_near),
        _mask_recipe(scale, "masks-three", three, 1e-4, scale.deep_near),
        _noise_recipe(scale, "noise-two", "D1", two),
        _noise_recipe(scale, "noise-three", "D1", three),
        _noise_recipe(scale, "other-labels", "D1", wide, curvature="absolute"),
        *(
            _kind_recipe(scale, f"kinds-{kind}-{side.lower()}", side, kind)
            for side in scale.kind_sides
            for kind in scale.kinds
        ),
        _seed_recipe(scale, "seeds-1000", scarce=False),
        _seed_recipe(scale, "seeds-100", scarce=True),
        *(_crossed_recipe(scale, f"crossed-{side.lower()}", side) for side in scale.kind_sides),
    )
    return {recipe.name: recipe for recipe in in_order}


def shorthand(scale: Scale, hidden: tuple[int, ...], l2: float, train: int | None = None) -> str:
    """The network as the paper writes it: inputs, hidden nodes, outputs, training items, lambda.

    Examples:
        >>> from lossatlas.paper.scales import PAPER
        >>> shorthand(PAPER, (10,), 1e-4)
        '[2, 10, 4, 1000, 0.0001]'
    """
    widths = ", ".join(map(str, (2, *hidden, 4, train or scale.train)))
    return f"[{widths}, {np.format_float_positional(l2)}]"


def _noise_recipe(
    scale: Scale, name: str, side: str, hidden: tuple[int, ...], *, curvature: str = "signed"
) -> Recipe:
    def column(fraction: float) -> Column:
        def cell(draw: int) -> Cell:
            return ljat3_cell(
                scale, draw, side=side, noise=fraction, hidden=hidden, curvature=curvature
            )

        return Column(f"{100 * fraction:g} % errors", f"{100 * fraction:g}", cell)

    title = f"Label errors, {side}, {shorthand(scale, hidden, 1e-4)}"
    draws = scale.draws if hidden == scale.hidden else 1
    published = ""
    if curvature != "signed":
        title, published = f"{title}, {curvature} curvature", f"noise-{side.lower()}"
    return Recipe(name, title, "noise", tuple(map(column, ERRORS)), draws, published)


def _kind_recipe(scale: Scale, name: str, side: str, kind: str) -> Recipe:
    """The study of one kind of noise; its first column is the clean landscape, the reference."""

    def column(fraction: float) -> Column:
        def cell(draw: int) -> Cell:
            return ljat3_cell(scale, draw, side=side, noise=fraction, kind=kind)

        return Column(f"{100 * fraction:g} % errors", f"{100 * fraction:g}", cell)

    title = f"{kind.capitalize()} noise, {side}, {shorthand(scale, scale.hidden, 1e-4)}"
    return Recipe(name, title, "kinds", tuple(map(column, scale.kind_errors)))


def _mask_recipe(
    scale: Scale, name: str, hidden: tuple[int, ...], l2: float, neighbors: tuple[int, ...]
) -> Recipe:
    def column(near: int) -> Column:
        def cell(draw: int) -> Cell:
            return ljat3_cell(scale, draw, hidden=hidden, neighbors=near, l2=l2)

        label = f"{near} neighbor{'s' if near > 1 else ''}" if near else "all connections"
        return Column(label, f"{near}", cell)

    title = f"Reduced connectivity, D1, {shorthand(scale, hidden, l2)}"
    return Recipe(name, title, "masks", tuple(map(column, neighbors)))


def _layer_recipe(scale: Scale, name: str, *, scarce: bool) -> Recipe:
    def column(hidden: tuple[int, ...]) -> Column:
        def before(draw: int) -> Cell:
            return ljat3_cell(scale, draw, hidden=hidden, scarce=scarce)

        def cell(draw: int) -> Cell:
            return before(draw)._replace(aim="connected", independent_share=CONNECTED_SHARE)

        widths = ", ".join(map(str, hidden))
        label = f"{len(hidden)} hidden layers ({widths})"
        return Column(label, f"{len(hidden)}", cell, before)

    train = scale.scarce if scarce else scale.train
    title = f"Hidden layers, D1, {train} training items, lambda 0.0001"
    return Recipe(name, title, "layers", (column(scale.two), column(scale.three)))


def _seed_recipe(scale: Scale, name: str, *, scarce: bool) -> Recipe:
    """The landscapes of Table IV, searched with several seeds; the first is that of the table.

    Seeds of the searches count from the number of the draw.
    """
    of_table = _layer_recipe(scale, name, scarce=scarce)

    def column(layers: Column, seed: int) -> Column:
        def cell(draw: int) -> Cell:
            return layers.cell(draw)._replace(seed=draw + seed - 1)

        return Column(f"{layers.label}, searches {seed}", f"{layers.key}-{seed}", cell)

    pairs = ((c, seed) for c in of_table.columns for seed in range(1, scale.seeds + 1))
    title = f"{of_table.title}, several seeds of the searches"
    return of_table._replace(
        title=title, kind="seeds", columns=tuple(column(*pair) for pair in pairs)
    )


def _crossed_recipe(scale: Scale, name: str, side: str) -> Recipe:
    """Half of the labels wrong; a draw is a seed of the data, a column one of labels and searches.

    Seeds of labels and searches differ from those of other studies, whose cells had other budgets.
    """
    draws, labels, searches = scale.crossed

    def column(label: int, search: int) -> Column:
        def cell(draw: int) -> Cell:
            found = ljat3_cell(scale, draw, side=side, noise=CROSSED_ERRORS)
            noise = found.study["noise"] | {"seed": CROSSED_SEEDS + label}
            study = found.study | {"noise": noise}
            budget = scale.crossed_budget
            return found._replace(study=study, seed=CROSSED_SEEDS + search, budget=budget)

        return Column(f"labels {label}, searches {search}", f"{label}-{search}", cell)

    pairs = ((a, b) for a in range(1, labels + 1) for b in range(1, searches + 1))
    title = f"Crossed seeds, {side}, {shorthand(scale, scale.hidden, 1e-4)}, 50 % errors"
    return Recipe(name, title, "crossed", tuple(column(*pair) for pair in pairs), draws)


def _mnist_recipe(scale: Scale, name: str, setting: tuple[float, str, str]) -> Recipe:
    l2, pixels, scaling = setting

    def column(fraction: float) -> Column:
        def cell(draw: int) -> Cell:
            return mnist_cell(scale, draw, noise=fraction, l2=l2, pixels=pixels, scaling=scaling)

        return Column(f"{100 * fraction:g} % errors", f"{100 * fraction:g}", cell)

    train, _, hidden = scale.mnist
    unscaled = "pixels from 0 to 255" if pixels == "raw" else "pixels divided by 255"
    scaled = unscaled if scaling == "none" else "standardized pixels"
    title = f"MNIST, [784, {hidden}, 10, {train}, {l2:g}], {scaled}"
    return Recipe(name, title, "mnist", tuple(map(column, MNIST_ERRORS)), published="mnist")


def ljat3_cell(
    scale: Scale,
    draw: int,
    *,
    side: str = "D1",
    noise: float = 0.0,
    kind: str = "uniform",
    hidden: tuple[int, ...] | None = None,
    neighbors: int = 0,
    l2: float = 1e-4,
    scarce: bool = False,
    curvature: str = "signed",
) -> Cell:
    """The cell of an LJAT3 landscape, with every setting that matters written out.

    The labels of GMIN are the exception: only other labels are named.
    """
    study: dict[str, Any] = {
        "data": {
            "source": "ljat3",
            "side": side,
            "items": scale.items,
            "inputs": ["r12", "r13"],
            "step_cap": 0.4,
            "train": scale.scarce if scarce else scale.train,
            "test": scale.test,
            "seed": draw,
            "split": "random",
            "scaling": "none",
        },
        "network": {
            "hidden": list(hidden or scale.hidden),
            "neighbors": neighbors,
            "ties": "lowest",
        },
        "loss": {"l2": l2, "regularize_biases": True},
    }
    if curvature != "signed":
        study["data"]["curvature"] = curvature
    budget = scale.scarce_budget if scarce else scale.budget
    cell = Cell(study, draw, draw, independent_share=INDEPENDENT_SHARE, budget=budget)
    return cell._replace(study=study | _noise_table(noise, draw, kind, cell))


def mnist_cell(
    scale: Scale,
    draw: int,
    *,
    noise: float,
    l2: float,
    pixels: str = "unit",
    scaling: str = "none",
) -> Cell:
    """The cell of an MNIST landscape, whose minima of low loss are sampled by basin-hopping."""
    train, test, hidden = scale.mnist
    study: dict[str, Any] = {
        "data": {
            "source": "mnist",
            "pixels": pixels,
            "train": train,
            "test": test,
            "seed": draw,
            "split": "random",
            "scaling": scaling,
        },
        "network": {"hidden": [hidden], "neighbors": 0, "ties": "lowest"},
        "loss": {"l2": l2, "regularize_biases": True},
    }
    study |= _noise_table(noise, draw)
    return Cell(
        study,
        draw,
        draw,
        strategies=("basin-hopping",),
        auc="macro",
        budget=scale.mnist_budget,
    )


def _noise_table(
    fraction: float, draw: int, kind: str = "uniform", clean: Cell | None = None
) -> dict[str, Any]:
    """The table [noise]. Labels wrong at 10 % are wrong at 50 % too, to compare levels in pairs.

    Args:
        fraction: share of wrong labels.
        draw: number of the draw, which is the seed.
        kind: kind of the noise.
        clean: the cell without noise, the reference of some kinds.
    """
    if fraction == 0:
        return {}
    table: dict[str, Any] = {"kind": kind, "fraction": fraction}
    if kind in BY_REFERENCE:
        assert clean is not None  # only cells of LJAT3 have these kinds
        return {"noise": {**table, "reference": f"{REFERENCE}{clean.key}"}}
    table |= {"seed": draw, "common_random_numbers": True}
    if kind == "class-conditional":
        table["confusion"] = [list(row) for row in CONFUSION]
    return {"noise": table}


def cells_of(
    recipe: Recipe,
    draws: int | None = None,
    first: int = 1,
    minutes: float | None = None,
    cpu_minutes: float | None = None,
) -> Iterator[tuple[Column, Cell]]:
    """The cells of a study with their columns, all columns of a draw before the next draw.

    Args:
        recipe: the study.
        draws, first: number of draws, by default that of the study; and of the first, default 1.
        minutes, cpu_minutes: minutes, and minutes of CPU time, for each cell; if one is given, both
            replace those of the cell.
    """
    for draw in range(first, first + (draws or recipe.draws)):
        for column in recipe.columns:
            cell = column.cell(draw)
            if minutes is not None or cpu_minutes is not None:
                budget = replace(cell.budget, minutes=minutes, cpu_minutes=cpu_minutes)
                cell = cell._replace(budget=budget)
            yield column, cell
