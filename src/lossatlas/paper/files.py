"""The files of `lossatlas reproduce`: tables as CSV and Markdown, figures as PNG and SVG."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from lossatlas.cli import save_picture
from lossatlas.paper import claims_report, crossed, ideal_table, lowest, mnist_report, richness
from lossatlas.paper.artifacts import PICTURES_ONLY, Artifact
from lossatlas.paper.distributions import distributions
from lossatlas.paper.drawing import figure_of
from lossatlas.paper.exploring import Record, decisive, records
from lossatlas.paper.mnist_settings import scanned
from lossatlas.paper.more_figures import forest
from lossatlas.paper.page import pages
from lossatlas.paper.recipes import Column, Recipe, recipes
from lossatlas.paper.sampling import KINDS
from lossatlas.paper.scales import Scale
from lossatlas.paper.tables import entries, to_csv, to_markdown

DOTS_PER_INCH = 160


def write_artifact(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    """Write one table or figure from what has been computed.

    Returns:
        The files that were written.
    """
    return WRITERS.get(artifact.kind, _write_table)(artifact, scale, folder)


def _write_table(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    """Write a table of numbers, with a figure if there is one."""
    studies = _studies(artifact, scale, folder)
    tables = [(recipe, entries(recipe, found)) for recipe, found in studies]
    sections = [f"## {recipe.title}\n\n{to_markdown(table)}" for recipe, table in tables]
    rows = to_csv(entry for _, table in tables for entry in table)
    written = _write_texts(artifact, ("\n".join(sections), rows), folder)
    figure = figure_of(artifact, studies)
    return written if figure is None else written + _write_figure(artifact, figure, folder)


def _write_picture(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    figure = figure_of(artifact, _studies(artifact, scale, folder))
    return [] if figure is None else _write_figure(artifact, figure, folder)


def _write_distributions(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    return _write_texts(artifact, distributions(_studies(artifact, scale, folder)), folder)


def _write_claims(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    found = claims_report.verdicts(scale, folder)
    texts = claims_report.to_markdown(found), claims_report.to_csv(found)
    return _write_texts(artifact, texts, folder) + _write_figure(artifact, forest(found), folder)


def _write_ideal(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    """Write the table of the ideal AUC if it was computed."""
    stored = folder / f"{artifact.name}.csv"
    if not stored.exists():
        return []
    rows = ideal_table.from_csv(stored.read_text(encoding="utf-8"))
    return _write_texts(artifact, (ideal_table.to_markdown(rows), ideal_table.to_csv(rows)), folder)


def compute_ideal(artifact: Artifact, scale: Scale, folder: Path) -> None:
    """Compute the ideal AUC, which depends on no landscape, unless its file exists."""
    target = folder / f"{artifact.name}.csv"
    if not target.exists():
        text = ideal_table.to_csv(list(ideal_table.ideal_rows(scale)))
        target.write_text(text, encoding="utf-8")


def _write_richness(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    by_name = recipes(scale)
    studies = [by_name[name] for name in artifact.recipes]
    found = [(r, richness.rows(r, folder, kind), kind) for r in studies for kind in KINDS]
    sections = [richness.to_markdown(*one) for one in found]
    every = [row for _, some, _ in found for row in some]
    return _write_texts(artifact, ("\n".join(sections), richness.to_csv(every)), folder)


def _write_crossed(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    studies = _every_draw(artifact, scale, folder)
    found = [(recipe, crossed.split(recipe, some)) for recipe, some in studies]
    sections = [crossed.CROSSED_TEXT, *(crossed.to_markdown(*pair) for pair in found)]
    rows = crossed.to_csv([one for _, some in found for one in some])
    return _write_texts(artifact, ("\n".join(sections), rows), folder)


def _write_lowest(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    studies = _every_draw(artifact, scale, folder)
    found = [(recipe, lowest.lowest(some)) for recipe, some in studies]
    sections = [lowest.LOWEST_TEXT, *(lowest.to_markdown(*pair) for pair in found)]
    return _write_texts(artifact, ("\n".join(sections), lowest.to_csv(found)), folder)


def _write_scan(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    """Write the tables of the settings of MNIST, and the figure if any was computed."""
    found = scanned(folder, scale.name)
    texts = mnist_report.to_markdown(found, scale.name, folder), mnist_report.to_csv(found.fits)
    written = _write_texts(artifact, texts, folder)
    if not found.fits:
        return written
    return written + _write_figure(artifact, mnist_report.figure(found.fits), folder)


WRITERS: dict[str, Callable[[Artifact, Scale, Path], list[Path]]] = {
    "claims": _write_claims,
    "distributions": _write_distributions,
    "ideal": _write_ideal,
    "richness": _write_richness,
    "crossed": _write_crossed,
    "lowest": _write_lowest,
    "scan": _write_scan,
    **dict.fromkeys(PICTURES_ONLY, _write_picture),
}
"""What writes an artifact, by its kind; all other kinds are tables of numbers."""


Study = tuple[Recipe, list[tuple[Column, Record]]]


def _studies(artifact: Artifact, scale: Scale, folder: Path) -> list[Study]:
    """The studies of an artifact that the scale has, with the results that are shown."""
    return [(recipe, decisive(found)) for recipe, found in _every_draw(artifact, scale, folder)]


def _every_draw(artifact: Artifact, scale: Scale, folder: Path) -> list[Study]:
    """The studies of an artifact that the scale has, with the results of all draws."""
    by_name = recipes(scale)
    chosen = [by_name[name] for name in artifact.recipes if name in by_name]
    return [(recipe, records(recipe, folder)) for recipe in chosen]


def write_pages(scale: Scale, folder: Path) -> list[Path]:
    """Write ``index.md``, and the pages that it refers to."""
    written = []
    for name, text in pages(scale, folder).items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


def _write_texts(artifact: Artifact, texts: tuple[str, str], folder: Path) -> list[Path]:
    """Write the Markdown and the CSV of an artifact."""
    markdown, table = folder / f"{artifact.name}.md", folder / f"{artifact.name}.csv"
    markdown.write_text(f"# {artifact.title}\n\n{texts[0]}", encoding="utf-8")
    table.write_text(texts[1], encoding="utf-8")
    return [markdown, table]


def _write_figure(artifact: Artifact, figure: Figure, folder: Path) -> list[Path]:
    files = [folder / f"{artifact.name}{suffix}" for suffix in (".png", ".svg")]
    for file in files:
        save_picture(figure, file, DOTS_PER_INCH)
    return files
