import io
import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from lossatlas.analysis.abundance import Interval, chao1, discovery_curve
from lossatlas.plots.discovery import draw_discovery

COUNTS = np.array([40, 20, 9, 5, 2, 2, 1, 1, 1])


def drawn(counts=COUNTS, **options):
    ax = Figure(figsize=(5, 4)).subplots()
    curve = discovery_curve(counts)
    assert draw_discovery(ax, curve, **options) is ax
    ax.figure.canvas.draw()
    return ax, curve


def test_the_line_is_the_curve_and_the_band_its_interval():
    ax, curve = drawn(points="minima")
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), np.stack([curve.draws, curve.expected]).T)
    band = ax.collections[0].get_paths()[0].vertices
    for low, high, x in zip(curve.low, curve.high, curve.draws, strict=True):
        heights = band[band[:, 0] == x, 1]
        assert {low, high} <= set(heights)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("draws that hit minima", "distinct minima")


def test_what_is_known_and_what_there_is_at_least_are_shown():
    bound = chao1(COUNTS)
    ax, curve = drawn(known=14, bound=bound)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("14" in label for label in labels)
    assert any(f"{bound.estimate:.1f}" in label for label in labels)
    (bars,) = ax.containers
    ends = bars.lines[2][0].get_segments()[0][:, 1]
    assert sorted(ends) == pytest.approx([bound.low, bound.high])
    assert ax.get_ylim()[1] > 14
    assert ax.get_xlim()[1] > curve.draws[-1]


@pytest.mark.parametrize("counts", [np.array([1]), np.array([500]), np.ones(200, int), COUNTS])
@pytest.mark.parametrize("format_name", ["png", "svg", "pdf"])
def test_all_curves_can_be_drawn(counts, format_name):
    ax, _ = drawn(counts, known=3, bound=chao1(counts))
    ticks = [text.get_text() for text in ax.get_yticklabels()]
    assert len(set(ticks)) == len(ticks)
    target = io.BytesIO()
    ax.figure.savefig(target, format=format_name)
    assert len(target.getvalue()) > 1_000


def test_no_hits_make_an_empty_curve():
    ax, _ = drawn(np.zeros(0, int), known=5)
    assert ax.get_ylim()[1] > 5


def test_a_bound_without_an_upper_end_does_not_hide_the_curve():
    ax, _ = drawn(bound=Interval(9.0, 9.0, math.inf))
    assert ax.get_ylim()[1] < 100
