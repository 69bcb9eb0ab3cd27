"""The files of `lossatlas reproduce`: tables as CSV and Markdown, figures as PNG and SVG."""

from pathlib import Path

from matplotlib.figure import Figure

from lossatlas.cli import save_picture
from lossatlas.paper import claims_report, ideal_table, richness
from lossatlas.paper.artifacts import PICTURES_ONLY, Artifact
from lossatlas.paper.distributions import distributions
from lossatlas.paper.drawing import figure_of
from lossatlas.paper.exploring import decisive, records
from lossatlas.paper.more_figures import forest
from lossatlas.paper.page import pages
from lossatlas.paper.recipes import Recipe, Scale, recipes
from lossatlas.paper.tables import entries, to_csv, to_markdown

DOTS_PER_INCH = 160


def write_artifact(artifact: Artifact, scale: Scale, folder: Path) -> list[Path]:
    """Write one table or figure from the cells that have been computed.

    Returns:
        The files that were written.
    """
    if artifact.kind == "claims":
        found = claims_report.verdicts(scale, folder)
        texts = claims_report.to_markdown(found), claims_report.to_csv(found)
        written = _write_texts(artifact, texts, folder)
        return written + _write_figure(artifact, forest(found), folder)
    if artifact.kind == "ideal":
        return _write_ideal(artifact, folder)
    by_name = recipes(scale)
    if artifact.kind == "richness":
        return _write_richness(artifact, [by_name[name] for name in artifact.recipes], folder)
    studies = [
        (by_name[name], decisive(records(by_name[name], folder)))
        for name in artifact.recipes
        if name in by_name
    ]
    if artifact.kind == "distributions":
        return _write_texts(artifact, distributions(studies), folder)
    if artifact.kind in PICTURES_ONLY:
        figure = figure_of(artifact, studies)
        return [] if figure is None else _write_figure(artifact, figure, folder)
    tables = [(recipe, entries(recipe, found)) for recipe, found in studies]
    sections = [f"## {recipe.title}\n\n{to_markdown(table)}" for recipe, table in tables]
    rows = to_csv(entry for _, table in tables for entry in table)
    written = _write_texts(artifact, ("\n".join(sections), rows), folder)
    figure = figure_of(artifact, studies)
    return written if figure is None else written + _write_figure(artifact, figure, folder)


def _write_ideal(artifact: Artifact, folder: Path) -> list[Path]:
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


def _write_richness(artifact: Artifact, studies: list[Recipe], folder: Path) -> list[Path]:
    found = [(recipe, richness.rows(recipe, folder)) for recipe in studies]
    sections = [richness.to_markdown(recipe, some) for recipe, some in found]
    every = [row for _, some in found for row in some]
    return _write_texts(artifact, ("\n".join(sections), richness.to_csv(every)), folder)


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
