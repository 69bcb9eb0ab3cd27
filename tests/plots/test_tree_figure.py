"""Figures for papers: sizes, styles, colors, and what is written into them."""

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from lossatlas.analysis.tree_layout import layout
from lossatlas.errors import BadInputError
from lossatlas.network import Network
from lossatlas.plots import (
    FORMATS,
    TreeOptions,
    add_scale_bar,
    color_map,
    count_branches,
    draw_layout,
    label_minima,
    styled,
    tree_figure,
)
from lossatlas.plots.colors import NAMES

LINEAR_TO_LIGHT = np.array([0.2126, 0.7152, 0.0722])
BLIND = {  # what cones that are missing make of linear colors (Machado, Oliveira, Fernandes 2009)
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def funnel(n: int, seed: int = 0) -> Network:
    random = np.random.default_rng(seed)
    energies = np.sort(0.85 + 0.05 * random.random(n))
    left = np.arange(1, n)
    right = (left * random.random(n - 1)).astype(int)
    heights = energies[left] + random.exponential(0.02, n - 1)
    return Network.of_pairs(energies, heights, left, right, {"auc": np.linspace(0.5, 1, n)})


def linear(colors: np.ndarray) -> np.ndarray:
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize(
    ("name", "suffix"), [*((name, "pdf") for name in FORMATS), ("aps", "svg"), ("aps", "png")]
)
def test_a_figure_has_the_size_of_its_format(name, suffix):
    with tree_figure(funnel(9), None, TreeOptions(format=name)) as drawn:
        size = 25.4 * drawn.figure.get_size_inches()
        target = io.BytesIO()
        drawn.figure.savefig(target, format=suffix)
        text = drawn.figure.axes[0].yaxis.label.get_fontsize()
    np.testing.assert_allclose(size, FORMATS[name][:2])
    assert text == FORMATS[name].font
    assert len(target.getvalue()) > 1000
    if suffix == "pdf":
        assert b"/Subtype /Image" not in target.getvalue()  # vectors
        assert b"/Subtype /Type3" not in target.getvalue()  # text that is text


def test_width_and_height_replace_those_of_the_format():
    options = TreeOptions(format="nature", width=120.0, height=40.0)
    with tree_figure(funnel(9), None, options) as drawn:
        np.testing.assert_allclose(25.4 * drawn.figure.get_size_inches(), [120, 40])


@pytest.mark.parametrize("name", NAMES)
def test_colors_are_dark_enough_for_thin_lines_on_white(name):
    light = linear(color_map(name)(np.linspace(0, 1, 64))[:, :3]) @ LINEAR_TO_LIGHT
    assert (1.05 / (light + 0.05)).min() > 1.8  # the contrast to white
    if name != "red-blue":
        assert (np.diff(light) > 0).all()  # in gray the order of the values stays


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", BLIND)
def test_colors_are_told_apart_in_color_blindness(name, kind):
    """Five colors along the map differ as seen, each from each."""
    colors = linear(color_map(name)(np.linspace(0, 1, 5))[:, :3])
    seen = np.clip(colors @ np.array(BLIND[kind]).T, 0, 1)
    root = np.cbrt(seen)
    differences = np.linalg.norm(root[:, None] - root[None], axis=2)
    assert differences[np.triu_indices(5, 1)].min() > 0.08


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_labels_do_not_collide_and_their_lines_do_not_cross(count):
    network = funnel(80)
    ids = [int(k) for k in np.random.default_rng(count).choice(network.minimum_ids, count, False)]
    options = TreeOptions(labels=ids, top=float(network.tree.top))
    with tree_figure(network, None, options) as drawn:
        ax = drawn.figure.axes[0]
        drawn.figure.draw_without_rendering()
        texts = {t.get_text(): t for t in ax.texts if t.get_text() in map(str, ids)}
        assert set(texts) == {str(k) for k in ids}
        boxes = [text.get_window_extent() for text in texts.values()]
        for k, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[k + 1 :])
            assert ax.bbox.x0 - 1 <= box.x0
            assert box.x1 <= ax.bbox.x1 + 1
        lowest = min(line for segment in ax.collections for line in _bottoms(segment))
        tops = [ax.transData.inverted().transform((box.x0, box.y1))[1] for box in boxes]
        assert max(tops) < lowest
        lines = sorted((line.get_xdata()[0], line.get_xdata()[2]) for line in ax.lines)
        assert [end for _, end in lines] == sorted(end for _, end in lines)


def _bottoms(collection) -> list[float]:
    return [float(np.nanmin(segment[:, 1])) for segment in collection.get_segments()]


def test_numbers_of_branches_that_were_left_out_have_room():
    network = funnel(300)
    with tree_figure(network, None, TreeOptions(smallest=4, depth=0.004)) as drawn:
        ax = drawn.figure.axes[0]
        drawn.figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in ax.texts]
        written = [int(text.get_text().replace(",", "")) for text in ax.texts]
        assert drawn.cut_off > 0
        assert len(written) >= 3
        assert max(written) <= drawn.cut_off + 1
        for k, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[k + 1 :])


def test_a_scale_bar_is_as_long_as_it_says():
    network = funnel(30)
    ax = draw_layout(Figure().subplots(), layout(network.tree))
    length = add_scale_bar(ax)
    (bar,) = ax.lines
    assert np.ptp(bar.get_ydata()) == pytest.approx(length)
    assert any(f"loss {length:g}" in text.get_text() for text in ax.texts)
    assert not ax.yaxis.get_visible()


def test_the_bottom_is_drawn_beside():
    network = funnel(400)
    with tree_figure(network, "auc", TreeOptions(inset=20)) as drawn:
        main, bottom = drawn.figure.axes[:2]
        shown = [s for s in bottom.collections[1].get_segments()]
        lowest = np.sort(network.minimum_energies)
        ends = sorted(float(s[:, 1].min()) for s in shown)
        assert ends == pytest.approx(sorted(network.minimum_energies[:20]))
        assert ends[0] == lowest[0]
        assert main.collections[1].get_clim() == bottom.collections[1].get_clim()


def test_a_style_of_ones_own_is_on_top_and_changes_nothing_else(tmp_path):
    style = tmp_path / "mine.mplstyle"
    style.write_text("font.size: 13\naxes.labelcolor: red\n")
    before = dict(mpl.rcParams)
    with tree_figure(funnel(5), None, TreeOptions(format="aps", style=str(style))) as drawn:
        label = drawn.figure.axes[0].yaxis.label
        assert (label.get_fontsize(), label.get_color()) == (13, "red")
    with styled(FORMATS["aps"], "ggplot"):
        assert mpl.rcParams["axes.facecolor"] == "#E5E5E5"
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "napkin"}, "format napkin: there is no such format; use screen"),
        ({"colors": "jet"}, "colors jet"),
        ({"style": "no-such-style"}, "no such file and no such style"),
        ({"width": 3.0}, "width 3"),
        ({"height": float("nan")}, "height nan"),
        ({"labels": [77]}, "minimum 77"),
        ({"labels": [9], "top": 0.86}, "label 9: the minimum is not shown"),
        ({"levels": 1}, "less than two"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with (
        pytest.raises(BadInputError, match=message),
        tree_figure(funnel(9), None, TreeOptions(**options)),
    ):
        pass


@pytest.mark.parametrize("text", ["root:x:0", "font.size: many", "axes.facecolor", "\0"])
def test_style_files_that_are_none_are_refused(tmp_path, text):
    path = tmp_path / "wrong.mplstyle"
    path.write_text(text)
    with pytest.raises(BadInputError, match="correct the file"), styled(FORMATS["aps"], str(path)):
        pass


def test_more_labels_than_have_room_are_refused():
    network = funnel(300)
    ax = draw_layout(Figure((2, 2)).subplots(), layout(network.tree))
    with pytest.raises(BadInputError, match="300 labels are wider"):
        label_minima(ax, layout(network.tree), {k: str(k + 1) for k in range(300)})


def test_one_minimum_and_none_to_count():
    network = funnel(1)
    with tree_figure(network, None, TreeOptions(inset=5, labels=[1], scale_bar=True)) as drawn:
        assert drawn.tree.minima.size == 1
    ax = draw_layout(Figure().subplots(), layout(network.tree))
    assert count_branches(ax, layout(network.tree), np.ones(1, int)) == []
