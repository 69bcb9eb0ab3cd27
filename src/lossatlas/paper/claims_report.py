"""The verdicts on the paper's statements as CSV and Markdown."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lossatlas.paper import richness
from lossatlas.paper.artifacts import WITH_QUENCHES
from lossatlas.paper.claims import MARGINS, Key, Numbers, Verdict, judge
from lossatlas.paper.exploring import Record, records
from lossatlas.paper.provenance import setting_of
from lossatlas.paper.recipes import recipes
from lossatlas.paper.sampling import KINDS
from lossatlas.paper.scales import Scale
from lossatlas.paper.statements import statements
from lossatlas.paper.tables import markdown_row

HEAD = (
    "statement",
    "where",
    "family",
    "statistic",
    "mean",
    "low",
    "high",
    "margin",
    "draws",
    "needed",
    "pilot",
    "p",
    "p_corrected",
    "p_equivalent",
    "verdict",
    "remark",
)


def verdicts(scale: Scale, folder: Path) -> list[Verdict]:
    """The verdict on every statement, from all cells that have been computed."""
    draws: dict[int, dict[Key, Numbers]] = {}
    settings: dict[int, dict[Key, str]] = {}
    for name, recipe in recipes(scale).items():
        for column, record in records(recipe, folder):
            place = name, column.key
            draws.setdefault(record.cell.draw, {})[place] = _numbers(record)
            settings.setdefault(record.cell.draw, {})[place] = setting_of(record.about)
        for kind in KINDS if name in WITH_QUENCHES else ():
            for row in richness.rows(recipe, folder, kind):
                place = richness.study_name(name, kind), row.column
                draws.setdefault(row.draw, {})[place] = row.numbers
                settings.setdefault(row.draw, {})[place] = row.setting
    return judge(statements(), draws, settings)


def _numbers(record: Record) -> Numbers:
    """The numbers of a cell with bounds of its counts; no upper bound if there may be more."""
    bounds: dict[str, float] = {"ran_out": float(record.effort.ran_out)}
    for points in ("minima", "transition_states"):
        found = record.numbers.get(points, math.nan)
        unseen = record.numbers.get(f"{points}_chao1_low", math.nan)
        bounds[f"{points}_low"] = float(np.fmax(found, unseen))
        bounds[f"{points}_high"] = math.inf if record.effort.ran_out else found
    return {**record.numbers, **bounds}


def to_csv(found: Iterable[Verdict]) -> str:
    """The verdicts as CSV, with one line for each statement."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEAD)
    for verdict in found:
        claim = verdict.claim
        middle = (verdict.mean, verdict.low, verdict.high, MARGINS[claim.unit])
        p_values = (verdict.p, verdict.corrected, verdict.equivalent)
        writer.writerow(
            [
                claim.name,
                claim.where,
                claim.family,
                claim.statistic,
                *map(_number, middle),
                len(verdict.values),
                _needed(verdict),
                str(verdict.pilot).lower(),
                *map(_number, p_values),
                verdict.verdict,
                _remark(verdict),
            ]
        )
    return stream.getvalue()


def to_markdown(found: Sequence[Verdict]) -> str:
    """The verdicts as a table for each family; a positive mean speaks for the statement."""
    families = list(dict.fromkeys(verdict.claim.family for verdict in found))
    parts = [
        f"### {family}\n\n{_table([one for one in found if one.claim.family == family])}"
        for family in families
    ]
    return "\n".join(parts)


WORDS = {
    "supported": "supported",
    "contradicted": "contradicted",
    "no difference": "about a difference that is too small to matter",
    "not combined": "not tested, because their draws were not explored in the same way",
    "undecided": "undecided",
}
"""The verdicts in a sentence that counts them."""


def counted(found: Sequence[Verdict]) -> str:
    """How many statements got which verdict, as a sentence."""
    counts = Counter(one.verdict for one in found)
    parts = [
        f"{counts[verdict]} {'is' if counts[verdict] == 1 else 'are'} {words}"
        for verdict, words in WORDS.items()
        if counts[verdict]
    ]
    said = ", ".join(parts[:-1]) + f" and {parts[-1]}" if len(parts) > 1 else "".join(parts)
    return f"Of {len(found)} statements (the paper's and some further ones) {said}.\n"


def decided(found: Sequence[Verdict]) -> str:
    """A line for each statement with a verdict: the verdict, the mean, how many draws."""
    head = ("statement", "verdict", "mean (95 % interval)", "draws", "where")
    lines = [markdown_row(head), markdown_row(("---",) * len(head))]
    for one in found:
        if one.verdict in ("undecided", "not combined"):
            continue
        interval = "" if math.isnan(one.low) else f" ({one.low:.3g} to {one.high:.3g})"
        pilot = " (pilot)" if one.pilot and one.values else ""
        mean = _number(one.mean, "{:.3g}") + interval
        verdict = f"**{one.verdict}**{pilot}"
        fields = (one.claim.name, verdict, mean, str(len(one.values)), one.claim.family)
        lines.append(markdown_row(fields))
    if len(lines) == 2:
        return "No statement has a verdict yet.\n"
    return "\n".join(lines) + "\n"


def _table(found: Sequence[Verdict]) -> str:
    head = (
        "statement",
        "statistic",
        "mean",
        "95 % interval",
        "draws (needed)",
        "p of no difference",
        "p beyond the margin",
        "verdict",
        "remark",
    )
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
                    f"{len(verdict.values)} ({_needed(verdict) or 'unknown'})",
                    _number(verdict.corrected, "{:.2g}"),
                    _number(verdict.equivalent, "{:.2g}"),
                    verdict.verdict + (" (pilot)" if verdict.pilot and verdict.values else ""),
                    _remark(verdict),
                )
            )
        )
    return "\n".join(lines) + "\n"


def _needed(verdict: Verdict) -> str:
    """The number of draws for a power of 0.8, as text; statements on funnels have no margin."""
    if verdict.claim.shares is not None or verdict.needed is None:
        return ""
    return str(verdict.needed)


def _remark(verdict: Verdict) -> str:
    parts = [part for part in (verdict.reason, verdict.claim.remark) if part]
    significant = verdict.verdict in ("supported", "contradicted")
    if significant and abs(verdict.mean) < MARGINS[verdict.claim.unit]:
        parts.append("smaller than the margin")
    if verdict.claim.counts and verdict.lower_bounds:
        parts.append(f"{verdict.lower_bounds} of {verdict.cells} counts are lower bounds")
    return "; ".join(parts)


def _number(value: float, form: str = "{:.10g}") -> str:
    return "" if math.isnan(value) else form.format(value)
