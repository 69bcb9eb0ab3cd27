"""What varies more from draw to draw: the data, which labels are wrong, or the searches.

Half of the labels are wrong, and seeds of the data, of the wrong labels and of the searches are
combined each with each. A number with one value for each combination has components of variance
(see `inference`). If that of the searches is zero, both searches on each landscape have found the
same global minimum.
"""

import csv
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lossatlas.paper.exploring import Record
from lossatlas.paper.inference import Components, component_intervals, variance_components
from lossatlas.paper.provenance import setting_of
from lossatlas.paper.recipes import Column, Recipe
from lossatlas.paper.tables import markdown_row

NUMBERS = {
    "gmin_loss": "loss of the global minimum",
    "train_gmin_auc": "training AUC of the global minimum",
    "test_gmin_auc": "testing AUC of the global minimum",
}
SOURCES = {
    "data": "data",
    "labels": "which labels of the data are wrong",
    "searches": "searches on the landscape",
}
CROSSED_TEXT = """\
Landscapes with half of the labels wrong, for all combinations of seeds of the data, of the wrong
labels and of the searches. Standard deviations from each source, the square roots of the components
of variance, with 95 % confidence intervals; *share* is that of the sum of the components. A seed of
the labels makes other items wrong in each data set, so labels are nested in data, and searches in
both.
"""
NOTHING = "Fewer than two whole draws were run, or not all in the same way."
"""What stands in place of a table that cannot be made."""


class Split(NamedTuple):
    """The components of variance of one number.

    Attributes:
        study: name of the study.
        name: name of the number.
        mean: its mean over all combinations.
        shape: numbers of seeds of the data, of the labels and of the searches.
        found: the components.
        low: lower limits of their confidence intervals.
        high: upper limits.
    """

    study: str
    name: str
    mean: float
    shape: tuple[int, ...]
    found: Components
    low: Components
    high: Components

    @property
    def shares(self) -> Components:
        """The shares of the components in their sum; NaN if nothing varies."""
        total = sum(self.found)
        return Components(*(value / total if total else math.nan for value in self.found))


def split(recipe: Recipe, found: Sequence[tuple[Column, Record]]) -> list[Split]:
    """The components of variance of each number of a study.

    Args:
        recipe: a study of crossed seeds.
        found: its results. Only the draws of the recipe count, and of these the ones with all
            columns. With fewer than two the result is empty, and if the landscapes differ in
            width, device, version or the like (see `provenance`).
    """
    by_place = {(record.cell.draw, column.key): record for column, record in found}
    draws = range(1, recipe.draws + 1)
    whole = [draw for draw in draws if all((draw, c.key) in by_place for c in recipe.columns)]
    ways = {setting_of(by_place[draw, c.key].about) for draw in whole for c in recipe.columns}
    if len(whole) < 2 or len(ways) > 1:
        return []
    labels, searches = (len({c.key.split("-")[k] for c in recipe.columns}) for k in (0, 1))
    result = []
    for name in NUMBERS:
        values = np.array(
            [by_place[draw, c.key].numbers[name] for draw in whole for c in recipe.columns]
        ).reshape(len(whole), labels, searches)
        low, high = component_intervals(values)
        mean = float(values.mean())
        components = variance_components(values)
        result.append(Split(recipe.name, name, mean, values.shape, components, low, high))
    return result


def to_csv(found: Sequence[Split]) -> str:
    """The components as CSV, with one line for each number and source."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["study", "number", "mean", "source", "variance", "low", "high", "share"])
    for one in found:
        for source in Components._fields:
            parts = (getattr(group, source) for group in (one.found, one.low, one.high, one.shares))
            numbers = (f"{value:.6g}" for value in parts)
            writer.writerow([one.study, one.name, f"{one.mean:.6g}", source, *numbers])
    return stream.getvalue()


def to_markdown(recipe: Recipe, found: Sequence[Split]) -> str:
    """A table of the standard deviations of a study, with a row for each source."""
    if not found:
        return f"## {recipe.title}\n\n{NOTHING}\n"
    seeds = " × ".join(map(str, found[0].shape))
    head = ["", *(f"{NUMBERS[one.name]}, mean {one.mean:.3f}" for one in found)]
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for source, label in SOURCES.items():
        lines.append(markdown_row([label, *(_cell(one, source) for one in found)]))
    text = "\n".join(lines)
    return f"## {recipe.title}\n\nSeeds of data × labels × searches: {seeds}.\n\n{text}\n"


def _cell(one: Split, source: str) -> str:
    parts = (getattr(group, source) for group in (one.found, one.low, one.high))
    middle, low, high = (math.sqrt(value) for value in parts)
    share = getattr(one.shares, source)
    percent = "" if math.isnan(share) else f", share {100 * share:.0f} %"
    return f"{middle:.4f} ({low:.4f} to {high:.4f}){percent}"
