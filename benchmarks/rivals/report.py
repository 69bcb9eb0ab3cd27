"""Results as a table on the terminal, as JSON, as a picture, and in the documentation."""

import json
import os
import platform
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rivals.measure import Row

from lossatlas.lanes.cores import available_cores

HEADER = ("work", "rival", "unit", "rival: median (spread) n", "ours: median (spread) n")
COLUMNS = (*HEADER, "ratio", "target", "holds")
JUDGED = {True: "yes", False: "no", None: "-"}
BEGIN, END = "<!-- {name}: begin -->", "<!-- {name}: end -->"
FASTER, SLOWER, PLAIN = "#2d77bd", "#98162f", "#8a93a3"


@dataclass
class Results:
    """The rows of a run by comparison, in the order of the table, with the machine."""

    comparisons: dict[str, list[Row]] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """All rows."""
        return [row for rows in self.comparisons.values() for row in rows]

    def save(self, path: Path) -> None:
        """Write the results as JSON."""
        plain = {name: [row.to_json() for row in rows] for name, rows in self.comparisons.items()}
        path.write_text(json.dumps({"machine": self.machine, "comparisons": plain}, indent=1))

    @staticmethod
    def load(path: Path) -> "Results":
        """Read the results that `save` wrote."""
        data = json.loads(path.read_text())
        rows = {
            name: [Row.from_json(row) for row in rows] for name, rows in data["comparisons"].items()
        }
        return Results(rows, data["machine"])


def machine(**more: Any) -> dict[str, str]:
    """The properties of the machine and the versions on which the numbers depend."""
    versions = {name: version(name) for name in ("jax", "numpy", "scipy")}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {available_cores()} cores used",
        "load when begun": f"{os.getloadavg()[0]:.1f}",
        "system": platform.platform(),
        "python": platform.python_version(),
        **versions,
        **{key: str(value) for key, value in more.items()},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def spread(values: Sequence[float]) -> str:
    """The median, the smallest, the largest and the number of values, as text."""
    if not values:
        return "-"
    middle = f"{median(values):.3g}"
    if len(values) == 1:
        return f"{middle} (once)"
    return f"{middle} ({min(values):.3g} to {max(values):.3g}) {len(values)}"


def cells(row: Row) -> tuple[str, ...]:
    """The columns of a row."""
    if row.skipped and not row.ours:
        return (row.work, row.rival or "-", row.unit, "-", "-", "-", _target(row), "not measured")
    return (
        row.work,
        row.rival or "-",
        row.unit,
        spread(row.rival_values),
        spread(row.ours),
        "-" if row.ratio is None else f"{row.ratio:.3g}",
        _target(row),
        JUDGED[row.holds],
    )


def _target(row: Row) -> str:
    return "-" if row.target is None else row.target.text(row.unit)


def text_table(rows: Iterable[Row]) -> str:
    """The table for a terminal, with a block for each row, since columns would be too wide."""
    blocks = []
    for row in rows:
        named = dict(zip(COLUMNS, cells(row), strict=True))
        lines = [f"{named['work']}  [{row.unit}]"]
        lines.append(f"    {'ours':<42} {named[HEADER[4]]}")
        if row.rival:
            lines.append(f"    {row.rival:<42} {named[HEADER[3]]}")
        verdict = f"    ratio {named['ratio']}; target {named['target']}; holds: {named['holds']}"
        lines.append(verdict)
        lines += [f"    {text}" for text in (row.notes, row.skipped) if text]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def summary(rows: Iterable[Row]) -> str:
    """One line for each row, with the ratio, the target and the verdict."""
    lines = [f"{'ratio':>8}  {'holds':<12}  {'target':<26}  work / rival"]
    for row in rows:
        named = dict(zip(COLUMNS, cells(row), strict=True))
        ours = named["ratio"] if row.ratio is not None else ""
        work = f"{row.work} / {row.rival}" if row.rival else f"{row.work}: {named[HEADER[4]]}"
        lines.append(f"{ours:>8}  {named['holds']:<12}  {named['target']:<26}  {work}")
    return "\n".join(lines)


def markdown_table(rows: Iterable[Row]) -> str:
    """The table for the documentation, with notes below that are numbered by row."""
    lines = ["| " + " | ".join(("", *COLUMNS)) + " |", "|" + " --- |" * (len(COLUMNS) + 1)]
    notes = []
    for number, row in enumerate(rows, start=1):
        escaped = (cell.replace("|", "\\|") for cell in (str(number), *cells(row)))
        lines.append("| " + " | ".join(escaped) + " |")
        said = "; ".join(text for text in (row.notes, row.skipped) if text)
        if said:
            notes.append(f"* {number}: {said}")
    return "\n".join([*lines, "", *notes])


def markdown_machine(results: Results) -> str:
    """The properties on which the numbers depend, as a list."""
    return "\n".join(f"* {key}: {value}" for key, value in results.machine.items())


def draw(rows: Iterable[Row], path: Path) -> None:
    """Draw all ratios on a logarithmic axis, with targets as ticks."""
    from matplotlib.figure import Figure

    shown = [row for row in rows if row.ratio is not None][::-1]
    figure = Figure((8.0, 0.9 + 0.32 * len(shown)), layout="constrained")
    ax = figure.subplots()
    for height, row in enumerate(shown):
        color = {True: FASTER, False: SLOWER, None: PLAIN}[row.holds]
        ax.barh(height, row.ratio - 1, left=1, color=color, height=0.6)
        if row.target is not None and row.target.ratio is not None:
            ax.plot([row.target.ratio] * 2, [height - 0.42, height + 0.42], color="black")
    ax.set_xscale("log")
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_yticks(range(len(shown)), [f"{row.work}\n{row.rival}" for row in shown], fontsize=7)
    ax.set_xlabel("cost of the rival / ours (black: target; blue: held, red: missed)")
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def between_marks(text: str, name: str, content: str) -> str:
    """Replace the part of a text between the marks of a name.

    Raises:
        ValueError: if the text does not have the marks.
    """
    begin, end = BEGIN.format(name=name), END.format(name=name)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the page needs the lines {begin} and {end} once each")
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def write_docs(page: Path, sections: dict[str, str], images: Iterable[Path]) -> None:
    """Render sections into the page, and copy pictures beside it."""
    text = page.read_text(encoding="utf-8")
    for name, content in sections.items():
        text = between_marks(text, name, content)
    page.write_text(text, encoding="utf-8")
    for image in images:
        if image.exists():
            shutil.copyfile(image, page.parent / "images" / image.name)
