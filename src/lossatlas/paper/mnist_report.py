"""The settings of MNIST by their distance from Table III, as CSV, Markdown and a figure."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lossatlas.paper.figures import STEADY
from lossatlas.paper.mnist_scan import GRIDS, PARTS, Descents
from lossatlas.paper.mnist_settings import (
    AVERAGES,
    FITTED,
    HELD_OUT,
    STATISTICS,
    Fit,
    Numbers,
    Scanned,
    Setting,
    distances,
    fresh_draws,
    key_of,
    numbers_of,
    of_draw,
    printed,
)
from lossatlas.paper.recipes import AS_WRITTEN
from lossatlas.paper.tables import markdown_row, spread

SHOWN = 10
"""Number of settings in the first table."""
HEAD = ("pixels", "lambda", "tolerance", "average", "distance", "held_out", "evaluations")
PART_NAMES = {"train": "training", "incorrect": "incorrect part", "correct": "correct part"}

SCAN_TEXT = """\
The paper does not say how pixels are scaled, when a minimization stops and how the AUC of ten
classes are averaged. Here networks of its size are minimized from random starts for several
scalings and lambda, and looked at on their way down at several tolerances, each by four ways of
averaging: macro AUC is the mean over classes; micro AUC takes all classes together, so that each
item counts once with each class. *Distance* is the root mean square, over columns, parts of the
data, means and standard deviations, of the difference from the printed number in units of the
printed standard deviation of the same part and column. Columns with 25 and 60 % errors are *held
out*: they take no part in the choice. They share data and starts with the others; draws from 11 on
have other data. Points at large tolerances are not minima; they are what a minimization gives that
stops early.
"""
SMALL_TEXT = "**Networks and data are smaller here than in the paper: distances say nothing.**\n"


def to_csv(found: Sequence[Fit]) -> str:
    """All settings as CSV, the nearest first."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEAD)
    for fit in found:
        numbers = fit.chosen_by, fit.held_out, fit.evaluations
        setting = fit.setting
        head = setting.pixels, f"{setting.l2:g}", f"{setting.tolerance:.3g}", setting.average
        writer.writerow([*head, *(f"{x:.5g}" for x in numbers)])
    return stream.getvalue()


def to_markdown(found: Scanned, scale: str, folder: Path) -> str:
    """Tables of the nearest settings, and the numbers of the nearest one beside the printed ones.

    Args:
        found: what the scan has come to.
        scale: name of the scale.
        folder: folder of the whole reproduction.
    """
    best, grid = found.nearest, GRIDS[scale]
    if best is None:
        return f"{SCAN_TEXT}\nNo setting was computed yet.\n"
    fresh = fresh_draws(found, scale, folder)
    made = {draw: of_draw(folder, scale, best.setting[:2], draw) for draw in fresh or [FITTED]}
    parts = [
        SCAN_TEXT,
        *([] if scale == "paper" else [SMALL_TEXT]),
        f"{found.pairs} of {found.wanted} pairs of a scaling and a lambda were scanned with draw "
        f"{FITTED}. {found.not_reached} settings are left out, because some descent ended before "
        f"its RMS gradient was as small, or had made {grid.evaluations:,} evaluations.\n",
        "## The nearest settings\n",
        _table([("", fit) for fit in found.fits[:SHOWN]]),
        "## The nearest setting with each scaling, lambda, tolerance and average\n",
        _table(_each(found.fits), "with"),
        "## The nearest setting beside Table III\n",
        f"This is: {_words(best.setting)}; {_of_draws(fresh)}, {grid.starts} descents each.\n",
        *_distances_of(best.setting, made, fresh),
        _beside(best.setting, scale, [one for one in made.values() if one is not None]),
    ]
    printed = nearest_as_printed(found)
    if printed is not None:
        own = of_draw(folder, scale, printed.setting[:2], FITTED)
        parts += [
            "## The nearest setting with the lambda that the paper prints\n",
            f"This is: {_words(printed.setting)}; draw {FITTED}, {grid.starts} descents.\n",
            _beside(printed.setting, scale, [] if own is None else [own]),
        ]
    return "\n".join(parts)


def nearest_as_printed(found: Scanned) -> Fit | None:
    """The nearest setting with the lambda that the paper prints; None if there is none."""
    return next((fit for fit in found.fits if fit.setting.l2 == AS_WRITTEN[0]), None)


def summary(found: Scanned) -> str:
    """The nearest setting, and the nearest one with the printed lambda, in a sentence each."""
    best, printed = found.nearest, nearest_as_printed(found)
    if best is None or printed is None:
        return ""
    return (
        f"Nearest to Table III: {_words(best.setting)}; distance {best.chosen_by:.2f}. With the "
        f"lambda that the paper prints: {_words(printed.setting)}; distance "
        f"{printed.chosen_by:.2f}.\n"
    )


def _distances_of(setting: Setting, made: dict, fresh: Sequence[int]) -> list[str]:
    """The distances of fresh draws in words."""
    if not fresh:
        return []
    pairs = [distances(setting, descents) for descents in made.values()]
    chosen, held = (spread([pair[k] for pair in pairs], 2) for k in (0, 1))
    return [f"Distance of these draws: {chosen}; in the columns held out: {held}.\n"]


def _of_draws(fresh: Sequence[int]) -> str:
    if not fresh:
        return f"draw {FITTED}, by which it was chosen"
    named = f"draw{'s' if len(fresh) > 1 else ''} {', '.join(map(str, fresh))}"
    return f"{named}, which took no part in the choice"


def _words(setting: Setting) -> str:
    return (
        f"pixels {setting.pixels}, lambda {setting.l2:g}, descents that stop at an RMS gradient of "
        f"{setting.tolerance:.2g}, {setting.average}"
    )


def _each(found: Sequence[Fit]) -> list[tuple[str, Fit]]:
    """The nearest setting with each scaling, lambda, tolerance and average, and what it is with."""
    names: dict[str, Callable[[Setting], str]] = {
        "pixels": lambda setting: setting.pixels,
        "lambda": lambda setting: f"{setting.l2:g}",
        "tolerance": lambda setting: f"{setting.tolerance:.2g}",
        "": lambda setting: setting.average,
    }
    chosen: dict[str, Fit] = {}
    for name, value in names.items():
        for fit in found:  # the nearest come first
            chosen.setdefault(f"{name} {value(fit.setting)}".strip(), fit)
    return list(chosen.items())


def _table(found: Sequence[tuple[str, Fit]], first: str = "") -> str:
    """A table of settings, with a first column of words on each if it has a heading."""
    head = (
        *([first] if first else []),
        *("pixels", "lambda", "tolerance", "average of the classes", "distance"),
        *("distance, held out", "evaluations"),
    )
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for words, ((pixels, l2, tolerance, average), chosen_by, held_out, evaluations) in found:
        held = "none" if math.isnan(held_out) else f"{held_out:.2f}"
        setting = pixels, f"{l2:g}", f"{tolerance:.2g}", average
        numbers = f"{chosen_by:.2f}", held, f"{evaluations:.0f}"
        lines.append(markdown_row([*([words] if first else []), *setting, *numbers]))
    return "\n".join(lines) + "\n"


def _beside(setting: Setting, scale: str, made: Sequence[dict[str, Descents]]) -> str:
    """The printed numbers and ours, column by column; `made` has the descents of each draw."""
    k = setting.position
    keys = [key_of(error) for error in GRIDS[scale].errors]
    ours = {
        key: [numbers_of(draw[key].auc[:, k], setting.average) for draw in made] for key in keys
    }
    head = ["", *(f"{key} % errors" for key in keys)]
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for part in PARTS:
        for statistic in STATISTICS:
            label = f"{PART_NAMES.get(part, 'testing')} AUC, {statistic}"
            cells = [_cell(printed(key), found, part, statistic) for key, found in ours.items()]
            lines.append(markdown_row([label, *cells]))
    held = ", ".join(f"{key} %" for key in HELD_OUT)
    return "\n".join(lines) + f"\n\nPaper / ours. Held out: {held}.\n"


def _cell(paper: Numbers, found: Sequence[Numbers], part: str, statistic: str) -> str:
    values = [one[part, statistic] for one in found if not math.isnan(one[part, statistic])]
    ours = spread(values, 4) if values else "not defined"
    return f"{paper[part, statistic]:.4f} / {ours}" if (part, statistic) in paper else ours


def figure(found: Sequence[Fit]) -> Figure:
    """Draw the distance against the tolerance, with a line for each lambda.

    There is a row of panels for each way of averaging, and a column for each scaling of the pixels.
    """
    pixels = list(dict.fromkeys(fit.setting.pixels for fit in found))
    lambdas = sorted({fit.setting.l2 for fit in found})
    size = (3.6 * len(pixels), 2.4 * len(AVERAGES) + 0.4)
    drawn = Figure(size, layout="constrained")
    axes = drawn.subplots(len(AVERAGES), len(pixels), squeeze=False, sharex=True, sharey=True)
    for row, average in zip(axes, AVERAGES, strict=True):
        for ax, scaling in zip(row, pixels, strict=True):
            for number, l2 in enumerate(lambdas):
                mine = [
                    (fit.setting.tolerance, fit.chosen_by)
                    for fit in found
                    if fit.setting[:2] == (scaling, l2) and fit.setting.average == average
                ]
                color = STEADY(0.95 * number / max(1, len(lambdas) - 1))
                mark = "os^DvPX"[number % 7]
                mine.sort()
                ax.plot(*np.array(mine).reshape(-1, 2).T, mark + "-", color=color, label=f"{l2:g}")
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.set_title(f"{average}\npixels {scaling}", fontsize="small")
            ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("RMS gradient at the stop")
    for ax in axes[:, 0]:
        ax.set_ylabel("distance from Table III")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    below = "outside lower center"
    drawn.legend(handles, labels, title="lambda", loc=below, ncols=len(labels), frameon=False)
    return drawn
