"""Trees that look as in the figures of the paper."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from lossatlas.analysis.tree_layout import layout
from lossatlas.errors import BadInputError
from lossatlas.network import Network
from lossatlas.paper.artifacts import ARTIFACTS
from lossatlas.paper.figures import _shown
from lossatlas.plots import FORMATS, PRESETS, TreeOptions, preset, tree_figure
from lossatlas.plots.colors import NAMES
from lossatlas.plots.tree import LOW_RED_HIGH_BLUE, plot_tree

TREES = {one.name: one for one in ARTIFACTS if one.kind == "trees" and "figure" in one.name}


def landscape(n: int, separate: int) -> Network:
    """n minima in one funnel, and further ones that nothing joins to it, some of them low."""
    random = np.random.default_rng(n)
    energies = 0.5 + 0.1 * random.random(n + separate)
    left = np.arange(1, n)
    right = (left * random.random(n - 1) ** 2).astype(int)
    heights = np.maximum(energies[left], energies[right]) + random.exponential(0.02, n - 1)
    aucs = {name: random.random(n + separate) for name in ("train_auc", "test_auc")}
    return Network.of_pairs(energies, heights, left, right, aucs)


def tips(ax) -> np.ndarray:
    """Losses at the lower ends of the branches, and their values."""
    (branches,) = (one for one in ax.collections if one.get_array() is not None)
    return np.sort([segment[:, 1].min() for segment in branches.get_segments()])


def test_there_is_a_preset_for_every_figure_of_trees():
    assert set(PRESETS) == set(TREES)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_shows_what_the_figure_of_that_name_shows(name):
    network, chosen, figure = landscape(1500, 40), preset(name), TREES[name]
    assert chosen.color == f"{figure.color}_auc"
    with tree_figure(network, chosen.color, TreeOptions(**chosen.options)) as drawn:
        ax, bar = drawn.figure.axes
        assert set(drawn.tree.minima) == set(_shown(network.tree).minima)
        assert bar.get_ylabel() == f"{figure.color} AUC"
        at = np.linspace(0, 1, 9)  # red for low and blue for high values, as in the paper
        assert np.array_equal(ax.collections[1].get_cmap()(at), LOW_RED_HIGH_BLUE(at))
        width = 25.4 * drawn.figure.get_size_inches()[0]
    assert figure.across * width <= FORMATS["aps-wide"].width  # as many in a row as in the paper
    assert chosen.options["colors"] in NAMES


@pytest.mark.parametrize("name", ["figure-1", "figure-2"])
def test_plot_tree_takes_a_preset(name):
    network, chosen = landscape(200, 5), preset(name)
    ax = plot_tree(network, ax=Figure().subplots(), preset=name)
    values = network.columns[chosen.color]
    connected = _shown(network.tree).minima
    np.testing.assert_allclose(tips(ax), np.sort(network.minimum_energies[connected]))
    low, high = ax.collections[1].get_clim()
    assert (low, high) == (values[connected].min(), values[connected].max())
    other = plot_tree(network, "loss", Figure().subplots(), preset=name, levels=0, cmap="gray")
    assert other.figure.axes[1].get_ylabel() == "loss"
    assert other.collections[1].get_cmap().name == "gray"


@pytest.mark.parametrize("lowest", [1, 7, 10_000])
def test_the_lowest_minima_that_are_connected_are_drawn(lowest):
    network = landscape(60, 10)
    options = TreeOptions(lowest=lowest, levels=0, top=float("inf"))
    with tree_figure(network, None, options) as drawn:
        kept = drawn.tree.minima
        assert layout(drawn.tree).tree.roots.size == 1
    start = int(np.argmin(network.minimum_energies))
    inside = np.flatnonzero(network.components == network.components[start])
    by_energy = inside[np.argsort(network.minimum_energies[inside])]
    assert set(kept) == set(by_energy[:lowest])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("napkin", "preset napkin: there is no such preset; use figure-1, figure-2"),
        ("", "there is no such preset"),
        ("Figure 1", "there is no such preset"),
        ("table-1", "there is no such preset"),
        ("figure-5", "box-plots, which lossatlas reproduce figure-5 draws"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(BadInputError, match=message):
        preset(name)
    with pytest.raises(BadInputError, match=message):
        plot_tree(landscape(5, 0), ax=Figure().subplots(), preset=name)


def test_a_number_of_minima_below_zero_is_refused():
    from lossatlas.plots.tree_figure import check_options

    with pytest.raises(BadInputError, match="lowest -1"):
        check_options(TreeOptions(lowest=-1))
