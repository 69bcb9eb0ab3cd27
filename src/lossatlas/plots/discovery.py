"""The discovery curve: how many distinct points a number of independent draws finds.

The line is the mean over all orders of the draws, the shaded area its 95 % confidence interval. If
the curve still rises at its end, there are points that were not found yet.
"""

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lossatlas.analysis.abundance import DiscoveryCurve, Interval, discovery_curve
from lossatlas.analysis.completeness import STREAMS, abundances, completeness
from lossatlas.atlas import Atlas
from lossatlas.atlas.log import read_draws
from lossatlas.errors import BadInputError

CURVE_COLOR = "#2d77bd"
BOUND_COLOR = "#98162f"
KNOWN_COLOR = "#6b6b6b"


def plot_discovery(atlas: Atlas, points: str = "minima", ax: Axes | None = None) -> Axes:
    """Draw how many distinct points the independent draws of an atlas have found.

    The picture also shows how many points the atlas holds in all, and the lower bound of the
    number of points that exist (Chao1, see `lossatlas.analysis.abundance.chao1`).

    Args:
        atlas: an open atlas.
        points: ``"minima"`` or ``"transition states"``; default ``"minima"``.
        ax: the axes to draw into; by default pyplot's current axes.

    Returns:
        The axes.

    Raises:
        BadInputError: if `atlas` is not an atlas, `points` is another text, or the atlas has no
            independent draws of these points.

    Examples:
        >>> import tempfile
        >>> import lossatlas as la
        >>> from lossatlas.testing import six_hump_camel
        >>> from matplotlib.figure import Figure
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> path = f"{tempfile.mkdtemp()}/camel.atlas"
        >>> atlas = la.explore(camel, path, minima=3, independent_share=1.0, progress=False)
        >>> plot_discovery(atlas, "minima", Figure().subplots()).get_ylabel()
        'distinct minima'
    """
    if not isinstance(atlas, Atlas):
        problem = f"{type(atlas).__name__} is no atlas"
        remedy = (
            "use plot_discovery(atlas, points, ax), where Atlas.open(path) gives that of a file"
        )
        raise BadInputError("plot_discovery", problem, remedy)
    if points not in STREAMS:
        raise BadInputError(f"points {points}", "no such points", f"use {' or '.join(STREAMS)}")
    found = [stream for stream in completeness(atlas) if stream.points == points]
    if not found:
        remedy = "explore with independent draws, e.g. independent_share=0.5"
        raise BadInputError(atlas.name, f"there are no independent draws of {points}", remedy)
    (stream,) = found
    hits = abundances(draw.point for draw in read_draws(atlas, STREAMS[points]))
    bound = stream.chao1 if stream.hits else None
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.gca()
    return draw_discovery(ax, discovery_curve(hits), points, stream.known, bound)


def draw_discovery(
    ax: Axes,
    curve: DiscoveryCurve,
    points: str = "points",
    known: int | None = None,
    bound: Interval | None = None,
) -> Axes:
    """Draw a discovery curve that is computed already.

    Args:
        ax: the axes to draw into.
        curve: the curve, from `lossatlas.analysis.abundance.discovery_curve`.
        points: the kind of the points for the labels of the axes, e.g. ``"minima"``; default
            ``"points"``.
        known: number of points that the atlas holds in all, drawn as a dotted line; by default
            None, no line.
        bound: lower bound of the number of points that exist, with its interval, from
            `lossatlas.analysis.abundance.chao1`, drawn as a bar at the right; by default None, no
            bar.

    Returns:
        The axes.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> import numpy as np
        >>> from lossatlas.analysis.abundance import discovery_curve
        >>> curve = discovery_curve(np.array([7, 4, 2, 1, 1]))
        >>> draw_discovery(Figure().subplots(), curve, "minima").get_ylabel()
        'distinct minima'
    """
    last = max(1, int(curve.draws[-1]))
    ax.fill_between(curve.draws, curve.low, curve.high, color=CURVE_COLOR, alpha=0.2, linewidth=0)
    ax.plot(curve.draws, curve.expected, color=CURVE_COLOR, label="found by independent draws")
    top = float(curve.high.max())
    if known is not None:
        top = max(top, known)
        ax.axhline(known, color=KNOWN_COLOR, linestyle=":", label=f"in the atlas: {known:,}")
    if bound is not None:
        top = max(top, min(bound.high, 1.5 * max(top, bound.estimate)))
        error = [[bound.estimate - bound.low], [bound.high - bound.estimate]]
        label = f"at least, by Chao1: {bound.estimate:,.1f}"
        style = {"fmt": "o", "markersize": 4, "capsize": 3, "color": BOUND_COLOR}
        ax.errorbar([1.04 * last], [bound.estimate], yerr=error, label=label, **style)
    ax.set_xlim(0, 1.08 * last)
    ax.set_ylim(0, 1.05 * max(top, 1.0))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    ax.set_xlabel(f"draws that hit {points}")
    ax.set_ylabel(f"distinct {points}")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.0)
    return ax
