"""The settings of MNIST by their distance from Table III, as CSV, Markdown and a figure."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lossatlas.paper.figures import STEADY
from lossatlas.paper.mnist_scan import GRIDS, PARTS, TOLERANCES, Place, load
from lossatlas.paper.mnist_settings import (
    AVERAGES,
    FITTED,
    HELD_OUT,
    STATISTICS,
    Fit,
    Numbers,
    Setting,
    key_of,
    nearest,
    numbers_of,
    printed,
)
from lossatlas.paper.tables import markdown_row, spread

SHOWN = 10
"""Number of settings in the first table."""
HEAD = ("pixels", "lambda", "tolerance", "average", "distance", "held_out", "evaluations")
PART_NAMES = {"train": "training", "incorrect": "incorrect part", "correct": "correct part"}

SCAN_TEXT = """\
The paper does not say how pixels are scaled, when a minimization stops and how the AUC of ten
classes are averaged, and with the lambda that it prints Table III cannot be obtained. Here networks
of its size are minimized from random starts for several scalings and lambda, and looked at on their
way down at several tolerances, each by four ways of averaging. *Distance* is the root mean square,
over columns, parts of the data, means and standard deviations, of the difference from the printed
number in units of the printed standard deviation of the same part and column. Columns with 25 and
60 % errors are *held out*: they take no part in the choice. Points at large tolerances are not
minima; they are what a minimization gives that stops early.
"""


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


def to_markdown(found: Sequence[Fit], scale: str, folder: Path, draws: Sequence[int]) -> str:
    """Tables of the nearest settings, and the numbers of the nearest one beside the printed ones.

    Args:
        found: all settings, the nearest first.
        scale: name of the scale.
        folder: folder of the whole reproduction.
        draws: draws whose descents are shown with the nearest setting.
    """
    best = nearest(found)
    if best is None:
        return f"{SCAN_TEXT}\nNo setting was computed yet.\n"
    parts = [
        SCAN_TEXT,
        "## The nearest settings\n",
        _table(found[:SHOWN]),
        "## The nearest setting by what is held fixed\n",
        _table(_each(found)),
        "## The nearest setting beside Table III\n",
        f"{_words(best.setting)}; {_of_draws(draws)}, {GRIDS[scale].starts} descents each.\n",
        _beside(best.setting, scale, folder, draws),
    ]
    return "\n".join(parts)


def _of_draws(draws: Sequence[int]) -> str:
    named = f"draw{'s' if len(draws) > 1 else ''} {', '.join(map(str, draws))}"
    chosen = "by which it was chosen" if FITTED in draws else "which took no part in the choice"
    return f"{named}, {chosen}"


def _words(setting: Setting) -> str:
    return (
        f"Pixels {setting.pixels}, lambda {setting.l2:g}, descents that stop at an RMS gradient of "
        f"{setting.tolerance:.2g}, {setting.average}"
    )


def _each(found: Sequence[Fit]) -> list[Fit]:
    """The nearest setting with each scaling, each lambda and each way of averaging."""
    chosen: list[Fit] = []
    keys: tuple[Callable[[Setting], object], ...] = (
        lambda setting: setting.pixels,
        lambda setting: setting.l2,
        lambda setting: setting.average,
    )
    for key in keys:
        values = dict.fromkeys(key(fit.setting) for fit in found)
        every = [[fit for fit in found if key(fit.setting) == value] for value in values]
        chosen += [fit for fit in map(nearest, every) if fit is not None]
    return list(dict.fromkeys(chosen))


def _table(found: Sequence[Fit]) -> str:
    head = (
        *("pixels", "lambda", "tolerance", "average of the classes", "distance"),
        *("distance, held out", "evaluations"),
    )
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for (pixels, l2, tolerance, average), chosen_by, held_out, evaluations in found:
        numbers = f"{chosen_by:.2f}", f"{held_out:.2f}", f"{evaluations:.0f}"
        lines.append(markdown_row([pixels, f"{l2:g}", f"{tolerance:.2g}", average, *numbers]))
    return "\n".join(lines) + "\n"


def _beside(setting: Setting, scale: str, folder: Path, draws: Sequence[int]) -> str:
    """The printed numbers and ours, column by column."""
    errors = GRIDS[scale].errors
    ours = {key_of(e): _of_column(setting, scale, folder, draws, e) for e in errors}
    head = ["", *(f"{100 * error:g} % errors" for error in errors)]
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for part in PARTS:
        for statistic in STATISTICS:
            label = f"{PART_NAMES.get(part, 'testing')} AUC, {statistic}"
            cells = [_cell(printed(key), found, part, statistic) for key, found in ours.items()]
            lines.append(markdown_row([label, *cells]))
    held = ", ".join(f"{key} %" for key in HELD_OUT)
    return "\n".join(lines) + f"\n\nPaper / ours. Held out: {held}.\n"


def _of_column(
    setting: Setting, scale: str, folder: Path, draws: Sequence[int], error: float
) -> list[Numbers]:
    k = int(np.argmin(abs(np.log(TOLERANCES / setting.tolerance))))
    places = [Place(setting.pixels, setting.l2, error, draw) for draw in draws]
    found = [load(folder, scale, place) for place in places]
    return [numbers_of(one.auc[:, k], setting.average) for one in found if one is not None]


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
    place = "outside lower center"
    drawn.legend(handles, labels, title="lambda", loc=place, ncols=len(labels), frameon=False)
    return drawn
