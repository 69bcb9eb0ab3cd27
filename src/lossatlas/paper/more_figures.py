"""Figures that are not in the paper and show its claims directly.

They are loss against AUC of every minimum, a forest plot of all statements, curves of the share of
minima in the funnel of the global minimum by threshold, and numbers by share of wrong labels.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.paper.claims import MARGINS, Verdict
from lossatlas.paper.figures import STEADY
from lossatlas.paper.funnel_verdicts import TAUS, FunnelShares

VERDICT_COLORS = {
    "supported": "#1b7837",
    "contradicted": "#b2182b",
    "no difference": "#2166ac",
    "undecided": "0.55",
    "not combined": "0.8",
}
"""Color and mark of each verdict; marks differ so that they can be told apart without colors."""
VERDICT_MARKS = {
    "supported": "o",
    "contradicted": "X",
    "no difference": "s",
    "undecided": "D",
    "not combined": "v",
}
ROW = 0.24
"""Height of a statement in inches."""
MANY_POINTS = 2000
"""Minima above which the marks of a panel are drawn as an image, since a scalable picture holds a
line of text for each mark otherwise."""


class Cloud(NamedTuple):
    """The minima of a landscape.

    Attributes:
        title: title of the panel.
        losses: (m,) losses of the minima.
        train: (m,) their training AUC.
        test: (m,) their testing AUC.
        connected: (m,) whether each minimum is connected to the lowest.
    """

    title: str
    losses: np.ndarray
    train: np.ndarray
    test: np.ndarray
    connected: np.ndarray


def loss_against_auc(clouds: Sequence[Cloud], columns: int = 4) -> Figure:
    """Draw a panel for each landscape, with the AUC of its minima against their loss.

    Examples:
        >>> cloud = Cloud("0 %", *np.array([[0.1, 0.2], [0.7, 0.8], [0.6, 0.7]]), np.ones(2, bool))
        >>> loss_against_auc([cloud]).axes[0].get_ylabel()
        'AUC'
    """
    columns = min(columns, len(clouds))
    rows = -(-len(clouds) // columns)
    figure = Figure((3.6 * columns, 3.0 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(clouds) :]:
        ax.set_axis_off()
    for ax, cloud in zip(axes, clouds, strict=False):
        for values, label, mark, shade in (
            (cloud.train, "training", "o", 0.1),
            (cloud.test, "testing", "^", 0.75),
        ):
            for inside, face in ((True, STEADY(shade)), (False, "none")):
                rows_ = cloud.connected == inside
                if rows_.any():
                    many = len(cloud.losses) > MANY_POINTS
                    style = {"s": 10, "marker": mark, "linewidths": 0.6, "rasterized": many}
                    ax.scatter(
                        cloud.losses[rows_],
                        values[rows_],
                        facecolors=[face],
                        edgecolors=[STEADY(shade)],
                        label=label if inside else f"{label}, not connected",
                        **style,
                    )
        ax.set_title(cloud.title, fontsize="medium")
        ax.set_xlabel("loss")
        ax.set_ylabel("AUC")
        ax.locator_params(axis="x", nbins=4)
        ax.spines[["top", "right"]].set_visible(False)
    named = [pair for ax in axes for pair in zip(*ax.get_legend_handles_labels(), strict=True)]
    marks = {label: handle for handle, label in named}
    labels = sorted(marks)
    figure.legend(
        [marks[label] for label in labels],
        labels,
        loc="outside lower center",
        ncols=2 if columns < 3 else 4,
        frameon=False,
        fontsize="small",
    )
    return figure


def forest(found: Sequence[Verdict]) -> Figure:
    """Draw the mean and the confidence interval of all statements, in units of their margins.

    Values between -1 and 1 are too small to matter. The horizontal axis is linear within the margin
    and logarithmic beyond.
    """
    shown = [verdict for verdict in found if len(verdict.values)]
    figure = Figure((10.5, 1.4 + ROW * max(1, len(shown))), layout="constrained")
    ax = figure.subplots()
    ax.axvspan(-1, 1, color="0.93")
    ax.axvline(0, color="0.4", linewidth=0.8)
    drawn: set[str] = set()
    for row, verdict in enumerate(shown):
        margin, color = MARGINS[verdict.claim.unit], VERDICT_COLORS[verdict.verdict]
        if np.isfinite(verdict.low):
            ax.plot([verdict.low / margin, verdict.high / margin], [row, row], color=color, lw=1.4)
        label = None if verdict.verdict in drawn else verdict.verdict
        drawn.add(verdict.verdict)
        mark = VERDICT_MARKS[verdict.verdict]
        ax.plot(verdict.mean / margin, row, mark, color=color, markersize=5, label=label)
    names = [verdict.claim.name for verdict in shown]
    ax.set_yticks(range(len(shown)), names, fontsize="x-small")
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_xscale("symlog", linthresh=1.0)
    ax.set_xlabel("mean over draws, in margins; positive speaks for the statement")
    ax.spines[["top", "right"]].set_visible(False)
    if drawn:
        ax.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def persistence_curves(
    panels: Sequence[tuple[str, Sequence[FunnelShares]]], columns: int = 4
) -> Figure:
    """Draw the share of minima in the funnel of the global minimum by threshold.

    Each draw is a band between its bounds.

    Args:
        panels: for each panel its title and the shares of each draw.
        columns: number of panels in a row; default 4.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure((3.2 * columns, 2.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax, (title, draws) in zip(axes, panels, strict=False):
        _persistence_panel(ax, draws)
        ax.set_title(title, fontsize="small")
    axes[0].set_ylim(0, 1.02)
    return figure


def _persistence_panel(ax: Axes, draws: Sequence[FunnelShares]) -> None:
    percent = 100 * TAUS
    for shares in draws:
        ax.fill_between(percent, shares.low, shares.high, color=STEADY(0.4), alpha=0.12, lw=0)
        ax.plot(percent, shares.low, color=STEADY(0.2), linewidth=0.7)
        ax.plot(percent, shares.high, color=STEADY(0.2), linewidth=0.7, linestyle=":")
    if draws:
        for name, style in (("low", "-"), ("high", ":")):
            mean = np.mean([getattr(shares, name) for shares in draws], axis=0)
            ax.plot(percent, mean, color="black", linewidth=1.8, linestyle=style)
    ax.axhline(0.5, color="0.5", linewidth=0.7)
    ax.axvline(20, color="0.5", linewidth=0.7, linestyle="--")
    ax.set_xlabel("tau (%)")
    ax.set_ylabel("share in the funnel")
    ax.spines[["top", "right"]].set_visible(False)


Curves = dict[str, list[tuple[float, float]]]
"""For each curve its pairs of a share of wrong labels, in percent, and the value of a draw."""
LEVEL_MARKS = "os^Dv"


def level_curves(rows: dict[str, dict[str, Curves]]) -> Figure:
    """Draw numbers against the share of wrong labels, with a bar from the smallest to the largest.

    Args:
        rows: for each row of panels the curves of each panel, by the label of its axis.

    Examples:
        >>> figure = level_curves({"D1": {"loss": {"uniform": [(0, 0.5), (50, 0.7), (50, 0.9)]}}})
        >>> figure.axes[0].lines[0].get_ydata().tolist()
        [0.5, 0.8]
    """
    across = max(map(len, rows.values()))
    figure = Figure((3.4 * across, 3.0 * len(rows) + 0.4), layout="constrained")
    axes = figure.subplots(len(rows), across, squeeze=False)
    for line, (row, panels) in zip(axes, rows.items(), strict=True):
        for ax, (label, curves) in zip(line, panels.items(), strict=True):
            for number, (kind, pairs) in enumerate(curves.items()):
                shift = 1.2 * (number - (len(curves) - 1) / 2)
                _level_curve(ax, kind, pairs, shift, STEADY(0.9 * number / max(1, len(curves) - 1)))
            ax.set_title(row)
            ax.set_ylabel(label)
            ax.set_xlabel("wrong labels (%)")
            ax.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure


def _level_curve(
    ax: Axes, kind: str, pairs: list[tuple[float, float]], shift: float, color: Any
) -> None:
    """Draw the means of a curve with their ranges, moved aside a little to show all bars."""
    levels = sorted({level for level, _ in pairs})
    values = [np.array([value for at, value in pairs if at == level]) for level in levels]
    means = [some.mean() for some in values]
    x = [level + shift for level in levels]
    mark = LEVEL_MARKS[len(ax.lines) % len(LEVEL_MARKS)]
    ax.plot(x, means, mark + "-", color=color, label=kind, markersize=4, linewidth=1.0)
    ax.vlines(x, [some.min() for some in values], [some.max() for some in values], color, lw=1.0)
