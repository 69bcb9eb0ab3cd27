"""Distributions of the training sets: the number of training items in each class (paper, SI)."""

import csv
import io
from collections.abc import Sequence

from lossatlas.paper.exploring import Record
from lossatlas.paper.recipes import Column, Recipe
from lossatlas.paper.tables import markdown_row

HEAD = ("study", "column", "draw", "class", "before", "changed", "after")


def distributions(
    studies: Sequence[tuple[Recipe, list[tuple[Column, Record]]]],
) -> tuple[str, str]:
    """The number of items of every class in every training set, as Markdown and as CSV.

    ``before`` counts the true classes, ``changed`` the items among them that were given another
    label, and ``after`` the labels that the networks were trained with. In Markdown all classes of
    a training set are in one line.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEAD)
    sections = []
    for recipe, found in studies:
        for column, record in found:
            writer.writerows(_rows(recipe, column, record))
        sections.append(f"## {recipe.title}\n\n{_table(found)}\n")
    return "\n".join(sections), stream.getvalue()


def _rows(recipe: Recipe, column: Column, record: Record) -> list[tuple[str, ...]]:
    table = record.about["distribution"]
    counts = zip(*(table[name] for name in HEAD[3:]), strict=True)
    return [(recipe.name, column.label, str(record.cell.draw), *map(str, row)) for row in counts]


def _table(found: list[tuple[Column, Record]]) -> str:
    if not found:
        return "not run"
    classes = ", ".join(found[0][1].about["distribution"]["class"])
    head = ("", "draw", *(f"{name}: {classes}" for name in HEAD[4:]))
    lines = [head, ("---",) * len(head)]
    for column, record in found:
        table = record.about["distribution"]
        counts = (", ".join(map(str, table[name])) for name in HEAD[4:])
        lines.append((column.label, str(record.cell.draw), *counts))
    return "\n".join(map(markdown_row, lines))
