"""Figures of studies from their cells: the draws that are shown, and the titles of the panels."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.paper.artifacts import Artifact
from lossatlas.paper.exploring import Record
from lossatlas.paper.figures import PANEL, Panel, auc_boxes, growth_curves, tree_panels
from lossatlas.paper.funnel_verdicts import shares_from
from lossatlas.paper.ideal_table import from_csv
from lossatlas.paper.measures import auc_parts
from lossatlas.paper.more_figures import (
    Cloud,
    Curves,
    level_curves,
    loss_against_auc,
    persistence_curves,
)
from lossatlas.paper.network_statements import COUNTS
from lossatlas.paper.points import load_points
from lossatlas.paper.published import published
from lossatlas.paper.recipes import Column, Recipe

PART_LABELS = {"train": "training AUC", "test": "testing AUC"}
Study = tuple[Recipe, list[tuple[Column, Record]]]


def figure_of(artifact: Artifact, studies: list[Study]) -> Figure | None:
    """The figure of an artifact; None if it has none, or none of its landscapes is explored yet."""
    if not any(found for _, found in studies):
        return None
    if artifact.kind == "trees":
        return _trees(artifact, studies)
    if artifact.kind == "boxes":
        return _boxes(studies)
    if artifact.kind == "clouds":
        return _clouds(artifact, studies)
    if artifact.kind == "persistence":
        return _persistence(studies)
    if artifact.kind == "levels":
        return _levels(studies)
    return _growth(studies) if artifact.kind == "growth" else None


def _trees(artifact: Artifact, studies: list[Study]) -> Figure:
    """A figure with one tree for each column, of its median draw."""
    panels = []
    for recipe, found in studies:
        for column in recipe.columns:
            title = column.label if len(studies) == 1 else f"{_size(recipe)}, {column.label}"
            record = median_draw(found, column)
            if record is None:
                panels.append(Panel(title, None, None))
                continue
            points = load_points(record.folder / "points.npz")
            values = auc_parts(points, record.cell.auc)[artifact.color]
            panels.append(Panel(title, points.tree, values, _remark(record)))
    return tree_panels(panels, PART_LABELS[artifact.color], artifact.across)


def median_draw(found: list[tuple[Column, Record]], column: Column) -> Record | None:
    """The draw of a column with the median of the lowest losses, or the lower one of two."""
    mine = [record for one, record in found if one.key == column.key]
    mine.sort(key=lambda record: record.numbers.get("gmin_loss", math.nan))
    return mine[(len(mine) - 1) // 2] if mine else None


def _remark(record: Record) -> str:
    """The remark of a panel about its landscape: the draw, the points, their coverage, the time."""
    numbers = record.numbers
    coverage = numbers.get("minima_atlas_coverage", math.nan)
    known = "" if math.isnan(coverage) else f", coverage {coverage:.2f}"
    return (
        f"{numbers.get('connected_minima', math.nan):,.0f} connected, "
        f"{numbers.get('transition_states', math.nan):,.0f} transition states\n"
        f"draw {record.cell.draw}{known}, {record.effort.cpu_seconds / 60:.1f} CPU minutes"
    )


def _clouds(artifact: Artifact, studies: list[Study]) -> Figure:
    """A figure of loss against AUC for the median draw of each column."""
    clouds = []
    for recipe, found in studies:
        for column in recipe.columns:
            record = median_draw(found, column)
            if record is None:
                continue
            points = load_points(record.folder / "points.npz")
            parts = auc_parts(points, record.cell.auc)
            labels = points.components
            inside = labels == labels[int(np.argmin(points.minimum_energies))]
            title = column.label if len(studies) == 1 else f"{_size(recipe)}, {column.label}"
            values = points.minimum_energies, parts["train"], parts["test"]
            clouds.append(Cloud(title, *values, inside))
    return loss_against_auc(clouds, artifact.across)


def _persistence(studies: list[Study]) -> Figure:
    """A figure of the share in the funnel of the global minimum, for all draws of each column."""
    panels = []
    for recipe, found in studies:
        for column in recipe.columns:
            mine = [record.numbers for one, record in found if one.key == column.key]
            shares = [shares_from(n) for n in mine if "funnel_low_20" in n]
            panels.append((f"{recipe.name}, {column.label}", shares))
    return persistence_curves(panels)


BY_LEVEL = {
    "gmin_loss": "loss of the global minimum",
    "train_gmin_auc": "training AUC of the global minimum",
    "test_gmin_auc": "testing AUC of the global minimum",
    "minima": "minima found",
}
"""The numbers that are drawn against the share of wrong labels, with the labels of their axes."""


def _levels(studies: list[Study]) -> Figure | None:
    """A figure with a row for each data set and a curve for each kind of noise.

    It shows the draws that all of these kinds have; none if there are no such draws. Kinds with
    nothing but the clean landscape are left out. The last panel of a row is the ideal AUC if it was
    computed, with a bar from one of its estimates to the other.
    """
    run = [(recipe, found) for recipe, found in studies if any(c.key != "0" for c, _ in found)]
    rows: dict[str, dict[str, Curves]] = {}
    for side in dict.fromkeys(_side(recipe) for recipe, _ in run):
        mine = [(recipe, found) for recipe, found in run if _side(recipe) == side]
        draws = set.intersection(*({r.cell.draw for _, r in found} for _, found in mine))
        if not draws:
            continue
        title = f"{side}, draw{'s' if len(draws) > 1 else ''} {', '.join(map(str, sorted(draws)))}"
        for name, label in BY_LEVEL.items():
            rows.setdefault(title, {})[label] = {
                recipe.title.split(",")[0]: [
                    (float(column.key), record.numbers[name])
                    for column, record in found
                    if record.cell.draw in draws and name in record.numbers
                ]
                for recipe, found in mine
            }
        ideal = _ideal(side, mine)
        if ideal:
            rows[title]["ideal testing AUC"] = ideal
    return level_curves(rows) if rows else None


def _ideal(side: str, studies: list[Study]) -> Curves:
    """Both estimates of the ideal AUC for the kinds of noise of these studies, if there are any."""
    folder = next(record.folder for _, found in studies for _, record in found).parents[1]
    stored = folder / "ideal-auc.csv"
    rows = from_csv(stored.read_text(encoding="utf-8")) if stored.exists() else []
    named = [f"{row.kind.capitalize()} noise" for row in rows]
    wanted = [recipe.title.split(",")[0] for recipe, _ in studies]
    curves: Curves = {
        name: [
            (100 * row.fraction, value)
            for row, own in zip(rows, named, strict=True)
            if (row.side, own) == (side, name)
            for value in row.ideal
        ]
        for name in wanted
    }
    return curves if all(curves.values()) else {}


def _side(recipe: Recipe) -> str:
    return recipe.columns[0].cell(1).study["data"]["side"]


def _size(recipe: Recipe) -> str:
    """What distinguishes the studies of one figure: the training items, or the layers."""
    cell = recipe.columns[0].cell(1)
    if recipe.kind == "layers":
        return f"{cell.study['data']['train']} items"
    return ", ".join(map(str, cell.study["network"]["hidden"]))


def _boxes(studies: list[Study]) -> Figure:
    """A figure with a row for each study: AUC of the minima of all draws, training and testing."""
    figure = Figure((2 * PANEL[0] + 1, PANEL[1] * len(studies)), layout="constrained")
    axes = figure.subplots(len(studies), 2, squeeze=False)
    for row, (recipe, found) in zip(axes, studies, strict=True):
        for ax, part in zip(row, PART_LABELS, strict=True):
            groups = [(column.key, _values(found, column, part)) for column in recipe.columns]
            printed = [_printed(recipe, column, part) for column in recipe.columns]
            auc_boxes(groups, ax, PART_LABELS[part], printed)
            ax.set_xlabel("label errors (%)")
            ax.set_title(f"lambda {recipe.columns[0].cell(1).study['loss']['l2']:g}")
    return figure


def _printed(recipe: Recipe, column: Column, part: str) -> tuple[float, float] | None:
    """The mean and the standard deviation that the paper prints; None if it prints none."""
    numbers = published(recipe.published or recipe.name, column.key)
    pair = numbers.get(f"{part}_mean_auc"), numbers.get(f"{part}_sd_auc")
    return None if pair[0] is None or pair[1] is None else (pair[0], pair[1])


def _values(found: list[tuple[Column, Record]], column: Column, part: str) -> np.ndarray:
    values = [
        auc_parts(load_points(record.folder / "points.npz"), record.cell.auc)[part]
        for one, record in found
        if one.key == column.key
    ]
    return np.concatenate(values) if values else np.zeros(0)


def _growth(studies: list[Study]) -> Figure:
    """A figure with a panel for each column: counts against CPU time, with those of the paper."""
    figure = Figure((2 * PANEL[0] + 1, PANEL[1] * len(studies)), layout="constrained")
    axes = figure.subplots(len(studies), 2, squeeze=False)
    for row, (recipe, found) in zip(axes, studies, strict=True):
        for ax, column in zip(row, recipe.columns, strict=True):
            record = median_draw(found, column)
            curves = [] if record is None else _curves(record)
            numbers = published(recipe.published or recipe.name, column.key)
            printed = [(label, numbers[n]) for n, label in COUNTS.items() if n in numbers]
            growth_curves(curves, ax, printed)
            if record is not None:
                _mark_connected(ax, record)
            ax.set_title(f"{_size(recipe)}, {column.label}" + ("" if record else ": not run"))
    return figure


def _mark_connected(ax: Axes, record: Record) -> None:
    """Mark how many of the minima are connected to the lowest one in the end."""
    count = record.numbers.get("connected_minima", math.nan)
    minutes = record.effort.cpu_seconds / 60
    ax.plot(minutes, count, "k*", markersize=9, label=f"connected minima: {count:,.0f}")
    ax.legend(frameon=False, fontsize="small")


def _curves(record: Record) -> list[tuple[str, np.ndarray, np.ndarray]]:
    found = record.about["discovery"]
    minutes = np.array(found["cpu_seconds"]) / 60.0
    return [
        ("minima", minutes, np.array(found["minima"])),
        ("transition states", minutes, np.array(found["transition_states"])),
    ]
