import io
import subprocess
import sys
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from lossatlas.analysis.tree_layout import discretize, layout, prune, suggested_top
from lossatlas.errors import BadInputError
from lossatlas.network import Network
from lossatlas.network.disconnectivity import build_tree
from lossatlas.plots.discovery import plot_discovery
from lossatlas.plots.tree import (
    LOW_RED_HIGH_BLUE,
    TRUNK_COLOR,
    add_colorbar,
    draw_layout,
    plot_tree,
)


def funnel(n: int, seed: int = 0):
    random = np.random.default_rng(seed)
    energies = np.sort(0.85 + 0.05 * random.random(n))
    left = np.arange(1, n)
    right = (left * random.random(n - 1)).astype(int)
    return build_tree(energies, energies[left] + random.exponential(0.02, n - 1), left, right)


def drawn(tree, values=None, **options):
    figure = Figure(figsize=(5, 4))
    ax = figure.subplots()
    assert draw_layout(ax, layout(tree), values, **options) is ax
    return ax


def segments(ax) -> tuple[np.ndarray, np.ndarray]:
    skeleton, branches = ax.collections
    return np.array(skeleton.get_segments()), np.array(branches.get_segments())


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 100), st.booleans())
def test_every_minimum_ends_one_vertical_line_that_hangs_on_its_parent(n, seed, in_levels):
    tree = funnel(n, seed) if n > 1 else build_tree(*([np.array([0.5])] + [np.array([], int)] * 3))
    tree = discretize(tree) if in_levels else tree
    placed, ax = layout(tree), drawn(tree)
    skeleton, branches = segments(ax)
    np.testing.assert_array_equal(branches[:, 0, 0], branches[:, 1, 0])
    ends = {(x, y) for x, y in branches[:, 1]}
    leaves = slice(tree.minima.size)
    assert ends == set(zip(placed.x[leaves], tree.energy[leaves], strict=True))
    slants = skeleton[: tree.energy.size]
    assert (slants[:, 1, 1] >= tree.energy).all()
    for node, parent in enumerate(tree.parent):
        if parent >= 0:
            assert tuple(slants[node, 0]) == (placed.x[parent], tree.energy[parent])
    low, high = ax.get_ylim()
    assert low < tree.energy.min()
    assert high == slants[tree.roots, 0, 1].max() > tree.top


def test_a_minimum_just_below_its_level_is_seen():
    """Its line is a ten-thousandth of a pixel high; its color must be in the picture."""
    energies = np.array([0.0, 1.0 - 1e-8])
    tree = build_tree(energies, np.array([1.0]), *np.array([[0], [1]]))
    figure = Figure(figsize=(4, 3), dpi=100)
    draw_layout(figure.subplots(), layout(tree), np.array([0.0, 1.0]))
    picture = io.BytesIO()
    figure.savefig(picture, format="raw")
    pixels = np.frombuffer(picture.getvalue(), np.uint8).reshape(300, 400, 4)
    for color in LOW_RED_HIGH_BLUE([0.0, 1.0]):
        assert (np.abs(pixels[..., :3] - 255 * color[:3]).max(axis=2) < 3).any()


def test_branches_are_horizontal_in_an_exact_tree_and_fall_by_a_level_otherwise():
    exact = funnel(50)
    levels = discretize(exact)
    slants = segments(drawn(exact))[0][: exact.energy.size]
    np.testing.assert_array_equal(slants[:, 0, 1], slants[:, 1, 1])
    slants = segments(drawn(levels))[0][: levels.energy.size]
    falls = slants[:, 0, 1] - slants[:, 1, 1]
    assert falls.max() == pytest.approx(levels.spacing)


def test_unconnected_components_reach_the_upper_edge_apart():
    tree = build_tree(np.array([0.1, 0.2, 0.3]), np.array([0.5]), np.array([0]), np.array([1]))
    ax = drawn(tree)
    skeleton, branches = segments(ax)
    ends = np.concatenate([skeleton, branches]).reshape(-1, 2)
    at_the_edge = {x for x, y in ends if y == ax.get_ylim()[1]}
    assert len(at_the_edge) == 2


def test_colors_follow_the_values_of_the_minima():
    tree = discretize(funnel(40))
    values = np.linspace(0.7, 0.8, 40)
    values[5] = np.nan
    ax = drawn(tree, values, limits=(0.6, 0.9), label="test AUC")
    branches = ax.collections[1]
    branches.update_scalarmappable()
    colors = branches.get_edgecolor()
    place_of = {y: k for k, y in enumerate(np.array(branches.get_segments())[:, 1, 1])}
    for minimum, value in enumerate(values):
        color = colors[place_of[tree.energy[tree.place[minimum]]]]
        expected = TRUNK_COLOR if np.isnan(value) else LOW_RED_HIGH_BLUE((value - 0.6) / 0.3)
        np.testing.assert_allclose(color, to_rgba(expected), atol=0.01)
    assert ax.figure.axes[1].get_ylabel() == "test AUC"


def test_low_values_are_red_and_high_values_blue():
    low, high = LOW_RED_HIGH_BLUE(0.0), LOW_RED_HIGH_BLUE(1.0)
    assert low[0] > 2 * low[2]
    assert high[2] > 2 * high[0]


@pytest.mark.parametrize("spacing", [1e-8, 1e-5, 1e-2, 10.0])
def test_loss_labels_are_readable_numbers_without_an_offset(spacing):
    energies = 0.519 + spacing * np.arange(6)
    tree = build_tree(energies, energies[1:] + spacing, np.arange(5), np.arange(1, 6))
    ax = drawn(discretize(tree))
    ax.figure.canvas.draw()
    assert ax.yaxis.get_offset_text().get_text() == ""
    shown = [t.get_text() for t in ax.get_yticklabels()]
    assert 4 <= len(shown) == len(set(shown)) <= 10
    assert all(float(text.replace("\N{MINUS SIGN}", "-")) < 1e3 for text in shown)


@pytest.mark.parametrize("format_name", ["png", "svg", "pdf"])
def test_a_large_tree_is_saved_in_every_format_in_bounded_size(format_name):
    target = io.BytesIO()
    drawn(discretize(funnel(21_000)), np.arange(21_000.0)).figure.savefig(
        target, format=format_name
    )
    assert 1_000 < len(target.getvalue()) < 1_000_000


def test_equal_values_have_one_tick():
    """Ticks beside it would be at values that no minimum has, such as accuracies above 1."""
    ax = drawn(funnel(5), np.ones(5), label="accuracy")
    (bar,) = (one for one in ax.figure.axes if one is not ax)
    assert bar.get_yticks().tolist() == [1.0]


def test_misuse_is_refused():
    tree = funnel(5)
    with pytest.raises(BadInputError, match="one for each of 5"):
        drawn(tree, np.zeros(4))
    with pytest.raises(BadInputError, match="colored"):
        add_colorbar(drawn(tree), "AUC")


def test_no_global_setting_is_changed_and_no_window_system_is_loaded():
    before = dict(mpl.rcParams)
    drawn(funnel(9), np.arange(9.0), label="AUC")
    assert dict(mpl.rcParams) == before
    code = "import lossatlas.plots.tree, sys; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def network(n: int = 12, seed: int = 0) -> Network:
    random = np.random.default_rng(seed)
    energies = np.sort(0.85 + 0.05 * random.random(n))
    left = np.arange(1, n)
    right = (left * random.random(n - 1)).astype(int)
    heights = energies[left] + random.exponential(0.02, n - 1)
    columns = {
        "test_auc": np.linspace(0.5, 1.0, n),
        "orbit_size": np.array([10**k for k in range(400, 400 + n)], object),
        "nothing": np.full(n, np.nan),
    }
    return Network.of_pairs(energies, heights, left, right, columns)


class HasNetwork(NamedTuple):
    """Like an atlas."""

    found: Network
    name: str = "some.atlas"

    def network(self) -> Network:
        return self.found


def same_pictures(one, other) -> bool:
    pictures = []
    for ax in (one, other):
        target = io.BytesIO()
        ax.figure.savefig(target, format="raw")
        pictures.append(target.getvalue())
    return pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("color", "values", "label"),
    [
        ("test_auc", np.linspace(0.5, 1.0, 12), "test AUC"),
        ("orbit_size", np.arange(400.0, 412.0), "log10 of the orbit size"),
        ("loss", network().minimum_energies, "loss"),
        (np.arange(12.0), np.arange(12.0), None),
        (list(range(12)), np.arange(12.0), None),
        (None, None, None),
        ("auto", None, None),
    ],
)
def test_one_call_draws_what_its_parts_would(color, values, label):
    points = network()
    tree = discretize(prune(points.tree, top=suggested_top(points.tree)), 30)
    expected = draw_layout(Figure().subplots(), layout(tree), values, label=label)
    for source in (points, HasNetwork(points)):
        assert same_pictures(plot_tree(source, color, Figure().subplots()), expected)


def test_levels_top_and_the_arguments_of_drawing_are_passed_on():
    points = network()
    top = float(np.median(points.minimum_energies))
    style = {"limits": (0.0, 2.0), "label": "quality"}
    expected = draw_layout(
        Figure().subplots(),
        layout(prune(points.tree, top=top)),
        points.columns["test_auc"],
        **style,
    )
    options = {"levels": 0, "top": top, **style}
    assert same_pictures(plot_tree(points, "test_auc", Figure().subplots(), **options), expected)


def test_the_training_auc_colors_by_itself_where_it_is_computed():
    points = network().with_columns(train_auc=np.linspace(0.2, 0.4, 12))
    ax = plot_tree(points, ax=Figure().subplots())
    assert [one.get_ylabel() for one in ax.figure.axes] == ["loss", "train AUC"]
    unknown = points.with_columns(train_auc=np.full(12, np.nan))
    assert len(plot_tree(unknown, ax=Figure().subplots()).figure.axes) == 1


def test_without_axes_the_current_ones_of_pyplot_are_used():
    import matplotlib.pyplot as plt

    with plt.ioff():
        _, ax = plt.subplots()
        assert plot_tree(network()) is ax
        plt.close("all")


@pytest.mark.parametrize(
    ("color", "message"),
    [
        ("beauty", "color beauty: the minima have no such column; use none or one of loss, test"),
        ("nothing", "no minimum has a value in this column"),
        (np.zeros(3), "one for each of 12"),
    ],
)
def test_what_cannot_color_is_refused(color, message):
    with pytest.raises(BadInputError, match=message):
        plot_tree(network(), color, Figure().subplots())


def test_an_atlas_without_minima_is_named():
    nothing = np.zeros(0)
    empty = HasNetwork(Network.of_pairs(nothing, nothing, nothing, nothing))
    with pytest.raises(BadInputError, match=r"some\.atlas: there are no minima in it yet"):
        plot_tree(empty, ax=Figure().subplots())


@pytest.mark.parametrize("source", ["d2.atlas", 3, Figure().subplots()], ids=str)
def test_what_is_no_atlas_is_refused(source):
    """Axes came first in earlier versions."""
    for draw in (plot_tree, plot_discovery):
        with pytest.raises(BadInputError, match=f"{type(source).__name__} is no atlas"):
            draw(source, "loss")
