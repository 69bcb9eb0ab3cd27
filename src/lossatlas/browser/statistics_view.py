"""The view of the statistics of the paper: AUC, completeness, and counts by tolerance."""

from typing import Any

import numpy as np
from bokeh.models import Column

from lossatlas.analysis.abundance import discovery_curve
from lossatlas.analysis.completeness import STREAMS, abundances, completeness
from lossatlas.analysis.merging import counts_by_tolerance
from lossatlas.atlas.log import read_draws
from lossatlas.browser.figures import LINE_COLOR, MARK_COLOR, small_figure, table, text
from lossatlas.browser.layouts import stacked, wrapped
from lossatlas.browser.served import ServedAtlas

MOST_POINTS = 5000
"""Largest number of points of a scatter plot; of more points some are taken, evenly by loss."""
MOST_MERGED = 20_000
"""Largest number of minima for which counts by tolerance are computed, since the user waits."""
BINS = 40
"""Number of bins of a histogram."""


def statistics_view(served: ServedAtlas) -> Column:
    """All statistics of an atlas as it is now."""
    network = served.state().network
    figures = []
    for name in ("train_auc", "test_auc"):
        values = network.columns.get(name)
        if values is not None and np.isfinite(values.astype(float)).any():
            figures += _auc(name, network.minimum_energies, values.astype(float))
    says = []
    for stream in completeness(served.atlas):
        figures.append(_discovery(served, stream))
        says.append(
            [
                stream.points,
                stream.draws,
                stream.distinct,
                stream.known,
                float(stream.coverage.estimate),
                float(stream.chao1.estimate),
            ]
        )
    words = "No independent draws: nothing can be said about what is unseen."
    if says:
        heads = ["independent draws", "made", "distinct", "known", "coverage", "at least (Chao1)"]
        words = table(says, heads)
    parts: list[Any] = [text(words), wrapped(*figures)]
    if 0 < network.minimum_ids.size <= MOST_MERGED:
        parts.append(_tolerance(network))
    return stacked(*parts)


def _auc(name: str, energies: np.ndarray, values: np.ndarray) -> list[Any]:
    words = name.replace("_", " ").replace("auc", "AUC")
    finite = np.flatnonzero(np.isfinite(values))
    by_loss = finite[np.argsort(energies[finite], kind="stable")]
    chosen = by_loss[np.unique(np.linspace(0, by_loss.size - 1, MOST_POINTS).astype(int))]
    against = small_figure(f"{words} against loss", "loss", words)
    against.scatter(energies[chosen], values[chosen], size=4, color=LINE_COLOR, alpha=0.5)
    counts, edges = np.histogram(values[finite], BINS)
    spread = small_figure(f"Distribution of {words}", words, "minima")
    spread.quad(left=edges[:-1], right=edges[1:], bottom=0, top=counts, color=LINE_COLOR)
    return [against, spread]


def _discovery(served: ServedAtlas, stream: Any) -> Any:
    draws = read_draws(served.atlas, STREAMS[stream.points])
    curve = discovery_curve(abundances(draw.point for draw in draws))
    plot = small_figure("Discovery", f"draws that hit {stream.points}", f"distinct {stream.points}")
    plot.varea(curve.draws, curve.low, curve.high, color=LINE_COLOR, fill_alpha=0.2)
    plot.line(curve.draws, curve.expected, color=LINE_COLOR, line_width=2)
    plot.line(
        [0, curve.draws[-1]],
        [stream.known] * 2,
        color=MARK_COLOR,
        line_dash="dotted",
        legend_label="in the atlas",
    )
    plot.legend.location = "bottom_right"
    plot.legend.background_fill_alpha = 0.6
    return plot


def _tolerance(network: Any) -> Any:
    counts = counts_by_tolerance(network)
    plot = small_figure(
        "Counts against tolerance", "tolerance of the loss", "points", x_axis_type="log"
    )
    for name, color in (("minima", LINE_COLOR), ("transition_states", MARK_COLOR)):
        plot.line(
            counts["tolerance"],
            counts[name],
            color=color,
            line_width=2,
            legend_label=name.replace("_", " "),
        )
    plot.legend.location = "bottom_left"  # Counts fall to the right.
    plot.legend.background_fill_alpha = 0.6
    return plot
