"""The files of `lossatlas reproduce`: tables as CSV and Markdown, figures as PNG and SVG."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lossatlas.cli import save_picture
from lossatlas.paper import claims_report, ideal_table
from lossatlas.paper.artifacts import Artifact
from lossatlas.paper.distributions import distributions
from lossatlas.paper.exploring import Record, records
from lossatlas.paper.figures import (
    PANEL,
    Panel,
    auc_boxes,
    growth_curves,
    tree_panels,
)
from lossatlas.paper.measures import auc_parts
from lossatlas.paper.page import page
from lossatlas.paper.points import load_points
from lossatlas.paper.recipes import Column, Recipe, Scale, recipes
from lossatlas.paper.tables import entries, to_csv, to_markdown

DOTS_PER_INCH = 160
PART_LABELS = {"train": "training AUC", "test": "testing AUC"}
Study = tuple[Recipe, list[tuple[Column, Record]]]


def write_artifact(artifact: Artifact, scale: Scale, draws: int | None, folder: Path) -> list[Path]:
    """Write one table or figure from the cells there are; the files written."""
    if artifact.kind == "claims":
        found = claims_report.verdicts(scale, folder)
        texts = claims_report.to_markdown(found), claims_report.to_csv(found)
        return _write_texts(artifact, texts, folder)
    if artifact.kind == "ideal":
        return _write_ideal(artifact, scale, folder)
    by_name = recipes(scale)
    studies = [
        (by_name[name], records(by_name[name], folder, draws))
        for name in artifact.recipes
        if name in by_name
    ]
    if artifact.kind == "distributions":
        return _write_texts(artifact, distributions(studies), folder)
    tables = [(recipe, entries(recipe, found)) for recipe, found in studies]
    sections = [f"## {recipe.title}\n\n{to_markdown(table)}" for recipe, table in tables]
    rows = to_csv(entry for _, table in tables for entry in table)
    written = _write_texts(artifact, ("\n".join(sections), rows), folder)
    figure = _figure(artifact, studies)
    return written if figure is None else written + _write_figure(artifact, figure, folder)


def _write_ideal(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    """The ideal AUC, computed unless its file is there; it depends on no landscape."""
    stored = folder / f"{artifact.name}.csv"
    if stored.exists():
        rows = ideal_table.from_csv(stored.read_text(encoding="utf-8"))
    else:
        rows = list(ideal_table.ideal_rows(scale))
    return _write_texts(artifact, (ideal_table.to_markdown(rows), ideal_table.to_csv(rows)), folder)


def write_page(scale: Scale, folder: Path) -> Path:
    """Write the page that shows everything."""
    target = folder / "index.md"
    target.write_text(page(scale, folder), encoding="utf-8")
    return target


def _write_texts(artifact: Artifact, texts: tuple[str, str], folder: Path) -> list[Path]:
    """The Markdown and the CSV of an artifact."""
    markdown, table = folder / f"{artifact.name}.md", folder / f"{artifact.name}.csv"
    markdown.write_text(f"# {artifact.title}\n\n{texts[0]}", encoding="utf-8")
    table.write_text(texts[1], encoding="utf-8")
    return [markdown, table]


def _write_figure(artifact: Artifact, figure: Figure, folder: Path) -> list[Path]:
    files = [folder / f"{artifact.name}{suffix}" for suffix in (".png", ".svg")]
    for file in files:
        save_picture(figure, file, DOTS_PER_INCH)
    return files


def _figure(artifact: Artifact, studies: list[Study]) -> Figure | None:
    """The figure of an artifact, None if it has none or no landscape of it was explored yet."""
    if not any(found for _, found in studies):
        return None
    if artifact.kind == "trees":
        return _trees(artifact, studies)
    if artifact.kind == "boxes":
        return _boxes(studies)
    return _growth(studies) if artifact.kind == "growth" else None


def _trees(artifact: Artifact, studies: list[Study]) -> Figure:
    """One panel a column, of its first draw."""
    panels = []
    for recipe, found in studies:
        first = _first_draws(found)
        for column in recipe.columns:
            title = column.label if len(studies) == 1 else f"{_size(recipe)}, {column.label}"
            if column.key not in first:
                panels.append(Panel(title, None, None))
                continue
            points = load_points(first[column.key].folder / "points.npz")
            values = auc_parts(points, first[column.key].cell.auc)[artifact.color]
            panels.append(Panel(title, points.tree, values))
    return tree_panels(panels, PART_LABELS[artifact.color], artifact.across)


def _size(recipe: Recipe) -> str:
    """What tells the studies of one figure apart: training items, or layers."""
    cell = recipe.columns[0].cell(1)
    if recipe.kind == "layers":
        return f"{cell.study['data']['train']} items"
    return ", ".join(map(str, cell.study["network"]["hidden"]))


def _boxes(studies: list[Study]) -> Figure:
    """A row for each study: AUC of the minima of all draws on training and on testing data."""
    figure = Figure((2 * PANEL[0] + 1, PANEL[1] * len(studies)), layout="constrained")
    axes = figure.subplots(len(studies), 2, squeeze=False)
    for row, (recipe, found) in zip(axes, studies, strict=True):
        for ax, part in zip(row, PART_LABELS, strict=True):
            groups = [(column.key, _values(found, column, part)) for column in recipe.columns]
            auc_boxes(groups, ax, PART_LABELS[part])
            ax.set_xlabel("label errors (%)")
            ax.set_title(f"lambda {recipe.columns[0].cell(1).study['loss']['l2']:g}")
    return figure


def _values(found: list[tuple[Column, Record]], column: Column, part: str) -> np.ndarray:
    values = [
        auc_parts(load_points(record.folder / "points.npz"), record.cell.auc)[part]
        for one, record in found
        if one.key == column.key
    ]
    return np.concatenate(values) if values else np.zeros(0)


def _growth(studies: list[Study]) -> Figure:
    """A panel for each study and column: minima and transition states against CPU time."""
    figure = Figure((2 * PANEL[0] + 1, PANEL[1] * len(studies)), layout="constrained")
    axes = figure.subplots(len(studies), 2, squeeze=False)
    for row, (recipe, found) in zip(axes, studies, strict=True):
        first = _first_draws(found)
        for ax, column in zip(row, recipe.columns, strict=True):
            record = first.get(column.key)
            curves = [] if record is None else _curves(record)
            growth_curves(curves, ax)
            ax.set_title(f"{_size(recipe)}, {column.label}" + ("" if record else ": not run"))
    return figure


def _curves(record: Record) -> list[tuple[str, np.ndarray, np.ndarray]]:
    found = record.about["discovery"]
    minutes = np.array(found["cpu_seconds"]) / 60.0
    return [
        ("minima", minutes, np.array(found["minima"])),
        ("transition states", minutes, np.array(found["transition_states"])),
    ]


def _first_draws(found: list[tuple[Column, Record]]) -> dict[str, Record]:
    """The record of the lowest draw of each column."""
    return {column.key: record for column, record in reversed(found)}
