"""The ideal AUC for every kind and share of wrong labels, as CSV and Markdown."""

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lossatlas.data import Dataset, adversarial_noise, boundary_noise, load_ljat3, permutation_noise
from lossatlas.paper.ideal import NEAREST, Ideal, Neighborhoods, transition_matrix
from lossatlas.paper.recipes import BY_REFERENCE, CONFUSION
from lossatlas.paper.scales import Scale
from lossatlas.paper.tables import markdown_row

CLASSES = 4
HEAD = ("side", "kind", "fraction", "nearest", "grid", "estimate", "error")
SMALLEST = 1e-6
"""Lower bound of probabilities, so that they have a logarithm."""


class Row(NamedTuple):
    """One ideal AUC.

    Attributes:
        side: name of the data set.
        kind: kind of the noise.
        fraction: share of wrong labels.
        ideal: the ideal AUC by both estimators.
    """

    side: str
    kind: str
    fraction: float
    ideal: Ideal


def ideal_rows(scale: Scale, draw: int = 1) -> Iterator[Row]:
    """Compute the ideal AUC of each data set, kind of noise and share of wrong labels.

    Labels are known in the pool of training items, and the pool of testing items is classified. The
    reference of boundary and adversarial noise is made of the probabilities of the nearest items,
    the best estimate that there is.

    Args:
        scale: the data sets, kinds of noise and shares of wrong labels.
        draw: the seed of the items and of the permutation; default 1.
    """
    for side in scale.kind_sides:
        train, test = load_ljat3(side, scale.items, seed=draw).pools
        assert isinstance(train, Dataset)
        assert isinstance(test, Dataset)
        known, clean = train.labels, test.labels
        nearest = min(NEAREST, len(known) // 20)
        near = Neighborhoods(train.inputs, test.inputs, nearest)
        own = Neighborhoods(train.inputs, train.inputs, nearest)
        shares = [own.by_nearest(known == number) for number in range(CLASSES)]
        outputs = np.log(np.maximum(np.stack(shares, axis=1), SMALLEST))
        for kind in scale.kinds:
            for fraction in scale.kind_errors:
                labels = known, clean, outputs
                yield Row(side, kind, fraction, _ideal(near, labels, kind, fraction, draw))


def _ideal(near: Neighborhoods, labels, kind: str, fraction: float, draw: int) -> Ideal:
    known, clean, outputs = labels
    if kind in BY_REFERENCE:
        changed = boundary_noise if kind == "boundary" else adversarial_noise
        return near.ideal(changed(known, outputs, fraction).labels, clean)
    shares = np.bincount(known, minlength=CLASSES) / len(known)
    errors = {
        "uniform": 1.0 - np.eye(CLASSES),
        "permutation": _permutation(draw),
        "class-conditional": np.array(CONFUSION),
    }[kind]
    return near.ideal(known, clean, transition_matrix(fraction, errors, shares))


def _permutation(draw: int) -> np.ndarray:
    """The class that permutation noise of this draw takes each class for."""
    taken = permutation_noise(np.arange(CLASSES), CLASSES, 1.0, draw).labels
    return np.eye(CLASSES)[taken]


def to_csv(rows: list[Row]) -> str:
    """The rows as CSV, with one line for each."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEAD)
    for side, kind, fraction, ideal in rows:
        numbers = (*ideal, ideal.estimate, ideal.error)
        writer.writerow([side, kind, f"{fraction:g}", *(f"{x:.5f}" for x in numbers)])
    return stream.getvalue()


def from_csv(text: str) -> list[Row]:
    """Read the rows that `to_csv` wrote."""
    return [
        Row(
            r["side"], r["kind"], float(r["fraction"]), Ideal(float(r["nearest"]), float(r["grid"]))
        )
        for r in csv.DictReader(io.StringIO(text))
    ]


def to_markdown(rows: list[Row]) -> str:
    """A table for each data set, of kinds of noise by shares of wrong labels, with the errors."""
    parts = []
    for side in dict.fromkeys(row.side for row in rows):
        mine = [row for row in rows if row.side == side]
        fractions = list(dict.fromkeys(row.fraction for row in mine))
        head = ["", *(f"{100 * fraction:g} %" for fraction in fractions)]
        lines = [markdown_row(head), markdown_row(["---"] * len(head))]
        for kind in dict.fromkeys(row.kind for row in mine):
            cells = [
                f"{row.ideal.estimate:.3f} ± {row.ideal.error:.3f}"
                for row in mine
                if row.kind == kind
            ]
            lines.append(markdown_row([kind, *cells]))
        parts.append(f"### {side}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)
