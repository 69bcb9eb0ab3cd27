"""Differences of our numbers from those of the paper, with the reasons as far as they are known.

A printed number comes from one draw of the paper. With two draws or more it is compared with the
interval in which one further draw lies with a probability of 95 % (Student's t, normal values).
Numbers outside of the interval are explained in ``published.toml``, or marked as unexplained.
"""

import math
from collections.abc import Iterable

import numpy as np
from scipy import stats

from lossatlas.paper.published import explanation
from lossatlas.paper.tables import Entry, markdown_row

PROBABILITY = 0.95
ONE_DRAW = "one draw only, the spread is not known"
LOWER_BOUND = "ours is a lower bound: the time was up before a long run found nothing new"


def prediction_interval(values: Iterable[float]) -> tuple[float, float]:
    """The interval that holds a further value with a probability of 95 %; NaN for too few values.

    Args:
        values: values of a number, at least two.

    Examples:
        >>> low, high = prediction_interval([1.0, 2.0, 3.0])
        >>> round(low, 3), round(high, 3)
        (-2.968, 6.968)
    """
    ours = np.array(list(values), float)
    if ours.size < 2:
        return math.nan, math.nan
    factor = float(stats.t.ppf(0.5 + PROBABILITY / 2, ours.size - 1))
    half = factor * float(ours.std(ddof=1)) * math.sqrt(1 + 1 / ours.size)
    return float(ours.mean()) - half, float(ours.mean()) + half


def to_markdown(tables: Iterable[Entry]) -> str:
    """A table of all printed numbers outside of the interval, or without one, with explanations."""
    head = ("study", "column", "number", "paper", "ours", "a further draw", "explanation")
    rows, within = [], 0
    for entry in tables:
        if entry.paper is None or not entry.ours:
            continue
        low, high = prediction_interval(entry.ours)
        if low <= entry.paper <= high:
            within += 1
        else:
            rows.append(_row(entry, low, high))
    lines = [markdown_row(row) for row in (head, ("---",) * len(head), *rows)]
    text = f"{within} printed numbers lie within the spread of our draws, {len(rows)} do not"
    return f"{text}.\n\n" + "\n".join(lines) + "\n"


def _row(entry: Entry, low: float, high: float) -> tuple[str, ...]:
    digits = entry.quantity.digits
    spread = "" if math.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}"
    known = entry.note or explanation(
        entry.study, entry.column, entry.quantity.printed or entry.quantity.name
    )
    return (
        entry.study,
        entry.label,
        entry.quantity.label,
        f"{entry.paper:.{digits}f}",
        f"{np.mean(entry.ours):.{digits}f}",
        spread,
        known or _without_explanation(entry, low),
    )


def _without_explanation(entry: Entry, low: float) -> str:
    if entry.lower_bound and entry.paper is not None and max(entry.ours) < entry.paper:
        return LOWER_BOUND
    return ONE_DRAW if math.isnan(low) else "**unexplained**"
