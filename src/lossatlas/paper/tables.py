"""Tables of the numbers of the paper and our numbers, as CSV for programs and Markdown for people.

A table has a row for every quantity and a column for every setting of the study, as *paper | ours*.
Our number is the mean over random draws, plus or minus their standard deviation, with the range.
The AUC of the paper is compared with the AUC by 101 thresholds, as its programs compute it. For
MNIST it is compared with the exact AUC, because 101 thresholds are too few where all probabilities
are near one tenth.
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from lossatlas.paper.exploring import Record
from lossatlas.paper.published import note, published
from lossatlas.paper.recipes import Column, Recipe


class Quantity(NamedTuple):
    """A row of a table.

    Attributes:
        name: name of the number in `measures`.
        label: heading of the row.
        digits: number of decimals.
        printed: its name among the published numbers if that is another one.
    """

    name: str
    label: str
    digits: int = 3
    printed: str = ""


class Entry(NamedTuple):
    """A number of a table.

    Attributes:
        study: name of the study.
        column: name of the column.
        label: heading of the column.
        quantity: the number.
        paper: the number that the paper prints; None if it prints none.
        ours: our value for each draw in which it is defined.
        draws: number of draws that were computed.
        lower_bound: whether it is a count that may be too small, because the budget of a landscape
            was spent while new points were still being found.
        note: a remark on the printed number.
    """

    study: str
    column: str
    label: str
    quantity: Quantity
    paper: float | None
    ours: tuple[float, ...]
    draws: int
    lower_bound: bool
    note: str


def _auc_rows(
    statistics: str = "gmin mean sd", rule: str = "", digits: tuple[int, int] = (3, 5)
) -> list[Quantity]:
    """The rows for all parts of the data; the rule ``"rank_"`` is the exact AUC."""
    labels = {"gmin": "global minimum", "mean": "mean over minima", "sd": "sd over minima"}
    parts = {
        "train": "training",
        "incorrect": "incorrect part",
        "correct": "correct part",
        "test": "testing",
    }
    return [
        Quantity(
            f"{rule}{part}_{which}_auc",
            f"{name} AUC, {labels[which]}",
            digits[which == "sd"],
            f"{part}_{which}_auc",
        )
        for part, name in parts.items()
        for which in statistics.split()
    ]


COUNTS = [
    Quantity("minima", "minima", 0),
    Quantity("transition_states", "transition states", 0),
    Quantity("nondegenerate", "transition states without degenerate rearrangements", 0),
]
UNSEEN = [
    Quantity("minima_atlas_coverage", "basin-weighted probability that a minimum is known"),
    Quantity("minima_chao1", "minima, the larger of the bound from quenches and the count", 0),
    Quantity("transition_states_atlas_coverage", "likewise, of the climbs to a transition state"),
    Quantity("transition_states_chao1", "transition states, likewise from climbs", 0),
]
MERGED = [
    Quantity("merged_minima", "minima, losses closer than 0.0001 merged", 0),
    Quantity("merged_transition_states", "transition states, likewise", 0),
]
MERGED_AUC = [
    Quantity("merged_train_mean_auc", "training AUC, mean over merged minima"),
    Quantity("merged_train_sd_auc", "training AUC, sd over merged minima", 5),
    Quantity("merged_test_mean_auc", "testing AUC, mean over merged minima"),
    Quantity("merged_test_sd_auc", "testing AUC, sd over merged minima", 5),
]
LOSSES = [
    Quantity("gmin_loss", "training loss, global minimum"),
    Quantity("test_gmin_loss", "testing loss, global minimum"),
]
SHAPE = [
    Quantity("connected_minima", "minima connected to the lowest", 0),
    Quantity("loss_range", "range of the loss over minima", 4),
    Quantity("range_r", "R, 90 % quantile of connected losses less the lowest", 4),
    Quantity("funnel_low_20", "share in the global minimum's funnel, tau 20 %, lower bound", 2),
    Quantity("funnel_high_20", "likewise, upper bound", 2),
    Quantity("funnel_bottoms", "bottoms of monotonic sequences", 0),
    Quantity("frustration", "frustration index", 2),
    Quantity("funnel_mean_barrier", "mean barrier toward the global minimum", 5),
    Quantity("funnel_mean_ratio", "mean of barrier over loss difference", 2),
    Quantity("funnel_median_ratio", "median of barrier over loss difference", 2),
]
CORRELATIONS = [
    Quantity("loss_train_correlation", "rank correlation of loss and training AUC", 2),
    Quantity("loss_test_correlation", "rank correlation of loss and testing AUC", 2),
    Quantity("train_test_correlation", "rank correlation of training and testing AUC", 2),
    Quantity("loss_test_loss_correlation", "rank correlation of training and testing loss", 2),
    Quantity("loss_macro_correlation", "rank correlation of loss and macro testing AUC", 2),
    Quantity("loss_test_correlation_by_orbit", "loss and testing AUC, weighted by orbits", 2),
    Quantity("loss_test_correlation_by_basin", "loss and testing AUC, weighted by basins", 2),
]
SYMMETRY = [
    Quantity("weights", "free weights", 0),
    Quantity("frozen_weights", "frozen weights", 0),
    Quantity("group_order", "order of the symmetry group", 0),
]
EFFORT = [Quantity("cpu_minutes", "CPU minutes", 1)]
ROWS: dict[str, list[Quantity]] = {
    "noise": [
        *COUNTS,
        *UNSEEN,
        *MERGED,
        *LOSSES,
        *_auc_rows(),
        *MERGED_AUC,
        *CORRELATIONS,
        *SHAPE,
        *EFFORT,
    ],
    "kinds": [
        *COUNTS[:2],
        UNSEEN[0],
        *LOSSES,
        *_auc_rows("gmin"),
        *_auc_rows()[-2:],
        CORRELATIONS[1],
        *SHAPE[2:5],
        *EFFORT,
    ],
    "masks": [*SYMMETRY, *COUNTS, *UNSEEN, *MERGED, *LOSSES, *_auc_rows()[-3:], *SHAPE, *EFFORT],
    "layers": [
        *SYMMETRY[:1],
        *COUNTS,
        *UNSEEN,
        *MERGED,
        *LOSSES,
        *_auc_rows()[-3:],
        *SHAPE,
        *EFFORT,
    ],
    "mnist": [
        *_auc_rows("mean sd", "rank_", (4, 4)),
        *(
            Quantity(f"pooled_{part}_sd_auc", f"{name} AUC, sd over minima and classes", 4)
            for part, name in (("train", "training"), ("test", "testing"))
        ),
        *(
            Quantity(f"first_{part}_{which}_auc", f"{name} AUC of class 0, {words}", 4)
            for part, name in (("train", "training"), ("test", "testing"))
            for which, words in (("mean", "mean over minima"), ("sd", "sd over minima"))
        ),
        Quantity("minima", "minima sampled", 0),
        Quantity("quenches", "quenches", 0),
        Quantity("gmin_loss", "lowest loss"),
        Quantity("highest_loss", "highest loss"),
        Quantity("good_share", "share of minima with testing AUC of 0.9 or more", 2),
        *EFFORT,
    ],
}
"""The rows of the tables, by the kind of the study."""


def entries(recipe: Recipe, records: Iterable[tuple[Column, Record]]) -> list[Entry]:
    """The numbers of a study, row by row.

    Args:
        recipe: the study.
        records: the cells that have been computed, with their columns, in any order.
    """
    source = recipe.published or recipe.name
    by_column: dict[str, list[Record]] = {}
    for column, record in records:
        by_column.setdefault(column.key, []).append(record)
    return [
        Entry(
            recipe.name,
            column.key,
            column.label,
            quantity,
            published(source, column.key).get(quantity.printed or quantity.name),
            tuple(_values(by_column.get(column.key, []), quantity.name)),
            len(by_column.get(column.key, [])),
            quantity in COUNTS and any(r.effort.ran_out for r in by_column.get(column.key, [])),
            note(source, column.key, quantity.name),
        )
        for quantity in ROWS[recipe.kind]
        for column in recipe.columns
    ]


def _values(records: list[Record], name: str) -> list[float]:
    if name == "cpu_minutes":
        return [record.effort.cpu_seconds / 60.0 for record in records]
    if name == "quenches":
        return [record.about["quenches"] for record in records]
    if name.endswith("_chao1"):  # a lower bound below the number that was found says nothing
        points = name.removesuffix("_chao1")
        pairs = ((r.numbers.get(name, math.nan), r.numbers.get(points, math.nan)) for r in records)
        found = (bound if math.isnan(bound) else float(np.fmax(bound, n)) for bound, n in pairs)
    else:
        found = (record.numbers.get(name, math.nan) for record in records)
    return [value for value in found if not math.isnan(value)]


CSV_COLUMNS = (
    "study",
    "column",
    "quantity",
    "paper",
    "ours_mean",
    "ours_sd",
    "ours_min",
    "ours_max",
    "draws",
    "note",
)


def to_csv(table: Iterable[Entry]) -> str:
    """The numbers as CSV, with one line for each and empty fields for missing numbers."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for entry in table:
        ours = np.array(entry.ours)
        spread = ours.std(ddof=1) if ours.size > 1 else ""
        statistics = (ours.mean(), spread, ours.min(), ours.max()) if ours.size else ("",) * 4
        shown = [f"{value:.10g}" if value != "" else "" for value in statistics]
        paper = "" if entry.paper is None else f"{entry.paper:.10g}"
        head = entry.study, entry.column, entry.quantity.name, paper
        writer.writerow([*head, *shown, ours.size, entry.note])
    return stream.getvalue()


def to_markdown(table: Sequence[Entry]) -> str:
    """The table of one study, with remarks below it, without rows and columns of no number."""
    every = list(dict.fromkeys(entry.label for entry in table))
    filled = {entry.label for entry in table if entry.ours or entry.paper is not None}
    columns = [label for label in every if label in filled] or every
    missing = [label for label in every if label not in columns]
    table = [entry for entry in table if entry.label in columns]
    lines = [markdown_row(["", *columns]), markdown_row(["---"] * (len(columns) + 1))]
    remarks: list[str] = []
    rows: dict[str, list[Entry]] = {}
    for entry in table:
        rows.setdefault(entry.quantity.label, []).append(entry)
    for label, row in rows.items():
        if any(entry.ours or entry.paper is not None for entry in row):
            lines.append(markdown_row([label, *(_cell(entry, remarks) for entry in row)]))
    notes = [f"{k}. {text}" for k, text in enumerate(remarks, 1)]
    if missing:
        notes = [f"Not run: {', '.join(missing)}.", *([""] if notes else []), *notes]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _cell(entry: Entry, remarks: list[str]) -> str:
    digits = entry.quantity.digits
    paper = "" if entry.paper is None else f"{entry.paper:.{digits}f}"
    if entry.note:
        remarks.append(entry.note)
        paper += f" ({len(remarks)})"
    ours = spread(entry.ours, digits) if entry.ours else "not defined" if entry.draws else "not run"
    return f"{paper} / {ours}" if paper else ours


def spread(values: Sequence[float], digits: int) -> str:
    """Mean, standard deviation and range of a number over draws, as text.

    Examples:
        >>> spread([0.71, 0.73], 2), spread([5.0], 0)
        ('0.72 ± 0.01 (0.71 to 0.73)', '5')
    """
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) == 1:
        return mean
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f} ({low} to {high})"


def markdown_row(fields: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(fields)} |"
