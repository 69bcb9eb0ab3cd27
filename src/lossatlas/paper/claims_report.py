"""The verdicts on the paper's statements as CSV and Markdown."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from lossatlas.paper.claims import Draw, Numbers, Verdict, judge
from lossatlas.paper.exploring import records
from lossatlas.paper.recipes import Scale, recipes
from lossatlas.paper.statements import statements
from lossatlas.paper.tables import markdown_row

HEAD = (
    "statement",
    "where",
    "statistic",
    "mean",
    "low",
    "high",
    "draws",
    "needed",
    "p",
    "p_corrected",
    "verdict",
    "remark",
)


def verdicts(scale: Scale, folder: Path) -> list[Verdict]:
    """The verdict on every statement from the cells there are."""
    draws: dict[int, dict[tuple[str, str], Numbers]] = {}
    for name, recipe in recipes(scale).items():
        for column, record in records(recipe, folder):
            numbers = {**record.numbers, "ran_out": float(record.effort.ran_out)}
            draws.setdefault(record.cell.draw, {})[name, column.key] = numbers
    by_number: Sequence[Draw] = [draws[number] for number in sorted(draws)]
    return judge(statements(), by_number)


def to_csv(found: Iterable[Verdict]) -> str:
    """One line a statement."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEAD)
    for verdict in found:
        claim = verdict.claim
        middle = (verdict.mean, verdict.low, verdict.high)
        p_values = (verdict.p, verdict.corrected)
        writer.writerow(
            [
                claim.name,
                claim.where,
                claim.statistic,
                *map(_number, middle),
                len(verdict.values),
                claim.draws,
                *map(_number, p_values),
                verdict.verdict,
                _remark(verdict),
            ]
        )
    return stream.getvalue()


def to_markdown(found: Sequence[Verdict]) -> str:
    """The verdicts as a table; a positive mean speaks for the statement."""
    head = ("statement", "statistic", "mean", "95 % interval", "draws", "p", "verdict", "remark")
    lines = [markdown_row(head), markdown_row(("---",) * len(head))]
    for verdict in found:
        claim = verdict.claim
        interval = "" if math.isnan(verdict.low) else f"{verdict.low:.3g} to {verdict.high:.3g}"
        lines.append(
            markdown_row(
                (
                    claim.name,
                    claim.statistic,
                    _number(verdict.mean, "{:.3g}"),
                    interval,
                    f"{len(verdict.values)} of {claim.draws}",
                    _number(verdict.corrected, "{:.2g}"),
                    verdict.verdict,
                    _remark(verdict),
                )
            )
        )
    return "\n".join(lines) + "\n"


def _remark(verdict: Verdict) -> str:
    parts = [verdict.claim.remark] if verdict.claim.remark else []
    if verdict.claim.counts and verdict.lower_bounds:
        parts.append(f"{verdict.lower_bounds} of {verdict.cells} counts are lower bounds")
    return "; ".join(parts)


def _number(value: float, form: str = "{:.10g}") -> str:
    return "" if math.isnan(value) else form.format(value)
