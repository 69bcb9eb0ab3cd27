"""The graph in headless Chromium, against what Python says of the same network."""

import numpy as np
import pytest
from funnels import funnels

from lossatlas.analysis.tree_layout import layout, shown_tree
from lossatlas.browser import show_tree
from lossatlas.network import Network
from lossatlas.plots.tree import _lines

pytestmark = pytest.mark.browser

LINES = """() => Object.fromEntries(["slants", "trunks", "leaves"].map((name) => {
  const {x0, y0, x1, y1} = lossatlas.args.sources[name].data
  return [name, Array.from(x0).map((_, k) => [x0[k], y0[k], x1[k], y1[k]])]
}))"""


def rows(lines) -> np.ndarray:
    array = np.array(sorted(map(tuple, np.reshape(lines, (-1, 4)))))
    return array.reshape(-1, 4)


@pytest.mark.parametrize("separate", [0, 3])
def test_the_lines_are_those_of_the_exact_picture(open_page, separate):
    network = funnels(60, separate=separate)
    top = float(network.tree.energy.max())
    drawn = open_page(show_tree(network, levels=0, top=top).html)(LINES)
    shown = layout(shown_tree(network, 0, top))
    slants, drops = _lines(shown)
    ends, tips = rows(drops[:60])[:, [0, 3]], rows(drawn["leaves"])[:, [0, 3]]
    np.testing.assert_allclose(tips, ends, atol=1e-6)
    slants = slants[slants[:, 0, 0] != slants[:, 1, 0]]
    np.testing.assert_allclose(rows(drawn["slants"]), rows(slants), atol=1e-6)


@pytest.mark.slow
def test_the_levels_are_those_of_the_picture(open_page):
    network = funnels(60, separate=3)
    top = float(network.tree.energy.max())
    page = open_page(show_tree(network, levels=7, top=top).html)
    heights = "({height, nodes}) => Array.from(height).slice(60, nodes)"
    found = page(f"() => ({heights})(lossatlas.state.tree)")
    expected = shown_tree(network, 7, top).energy[60:]
    np.testing.assert_allclose(sorted(found), sorted(expected), atol=1e-6)


@pytest.mark.slow
def test_the_threshold_counts_superbasins(open_page):
    network = funnels(300, separate=4)
    page = open_page(show_tree(network).html)
    for energy in np.quantile(network.minimum_energies, [0, 0.1, 0.5, 0.9, 1]) + 1e-6:
        labels = network.superbasins(energy)
        expected = {"basins": labels.max() + 1, "minima": (labels >= 0).sum()}
        count = "(e) => lossatlas.superbasins(lossatlas.state.row, e - lossatlas.args.data.lowest)"
        assert page(count, energy) == expected
    page.set("threshold", 50)
    text = page.text()
    assert "superbasin" in text
    assert "minima below" in text


@pytest.mark.slow
@pytest.mark.parametrize(("least", "smallest"), [(0.05, 1), (0.0, 3), (0.1, 4), (1e9, 1)])
def test_what_is_filtered_out_is_counted_where_it_hung(open_page, least, smallest):
    network = funnels(200, separate=2)
    page = open_page(show_tree(network).html)
    script = """([least, smallest]) => {
      const row = lossatlas.filtered(lossatlas.state.all, least, smallest)
      return {id: [...row.id], gap: [...row.gap].map(String), weight: [...row.weight]}
    }"""
    row = page(script, [least, smallest])
    assert sum(row["weight"]) == 200
    for k, gap in enumerate(row["gap"][:-1]):
        barrier = network.barrier(row["id"][k], row["id"][k + 1])
        expected = barrier - network.minimum_energies.min()
        assert float(gap.replace("Infinity", "inf")) == pytest.approx(expected, rel=1e-5)
    tree, kept = network.tree, set(row["id"])
    placed = layout(tree)
    for k, identifier in enumerate(network.minimum_ids):
        place = tree.place[k]
        node = max(np.flatnonzero(placed.trunk == place))
        size = np.count_nonzero([_below(tree, leaf, node) for leaf in range(200)])
        above = tree.parent[node]
        deep = above < 0 or (tree.energy[above] - tree.energy[place] >= least and size >= smallest)
        assert (identifier in kept) == deep


def _below(tree, node: int, ancestor: int) -> bool:
    while node >= 0 and node != ancestor:
        node = tree.parent[node]
    return node == ancestor


def test_of_many_leaves_those_are_drawn_that_are_seen(open_page):
    network = funnels(30_000)
    page = open_page(show_tree(network, top=float(network.tree.top)).html)
    leaves = page("() => ({...lossatlas.args.sources.leaves.data})")
    assert len(leaves["id"]) < 12_000
    assert sum(leaves["count"]) == 30_000
    drawn = np.array(leaves["y1"])
    assert drawn.min() == pytest.approx(network.minimum_energies.min())
    page("() => lossatlas.args.plot.x_range.setv({start: 100, end: 140})")
    page.settle()
    near = page("() => ({...lossatlas.args.sources.leaves.data})")
    inside = [c for c, x in zip(near["count"], near["x0"], strict=True) if 100 <= x <= 140]
    assert inside == [1] * len(inside)
    assert len({x for x in near["x0"] if 100 <= x <= 140}) == 41


@pytest.mark.slow
def test_color_scale_and_barriers_change_the_picture(open_page):
    page = open_page(show_tree(funnels(80)).html)
    pictures = [page.page.screenshot()]
    for control, value in (("color", "2"), ("scale", "log"), ("merging", "exact"), ("color", "-1")):
        page.set(control, value)
        pictures.append(page.page.screenshot())
    assert len(set(pictures)) == len(pictures)
    assert page("() => lossatlas.args.plot.y_range.start") < -2  # log10 of a small loss


def test_search_marks_and_says_what_it_does_not_find(open_page):
    network = funnels(500)
    page = open_page(show_tree(network).html)
    page.set("search", "77")
    assert page("() => lossatlas.args.data.chosen") == [77]
    (x,) = page("() => Array.from(lossatlas.args.sources.marks.data.x)")
    assert page("(at) => lossatlas.state.row.id[at]", x) == 77
    for wrong in ("501", "-1", "1e1", "<b>x</b>", "0x1"):
        page.set("search", wrong)
        assert f"No minimum {wrong} is shown" in page.text()
    page.set("least", 100)
    page.set("search", "77")
    assert "77 is shown: it is filtered out" in page.text()


def test_two_clicks_compare_two_minima(open_page):
    network = funnels(12)
    page = open_page(show_tree(network).html)
    for identifier in (3, 9):
        place = place_of(page, identifier)
        page.page.mouse.click(*place)
        page.page.wait_for_timeout(400)  # so that two clicks are no double click
    assert page("() => lossatlas.args.data.chosen") == [3, 9]
    text = page.text()
    assert f"Connected at {float(network.barrier(3, 9)):.6g}" in text
    page.page.mouse.move(place[0], place[1])
    page.page.wait_for_timeout(200)
    assert "barrier to a lower minimum" in page.text()
    page.page.keyboard.press("Escape")
    assert page("() => lossatlas.args.data.chosen") == []


def test_keys_move_and_zoom(open_page):
    page = open_page(show_tree(funnels(50)).html)
    ranges = "() => [lossatlas.args.plot.x_range.start, lossatlas.args.plot.x_range.end]"
    whole = page(ranges)
    page.page.keyboard.press("+")
    near = page(ranges)
    assert near[1] - near[0] == pytest.approx((whole[1] - whole[0]) / 1.5)
    page.page.keyboard.press("ArrowRight")
    assert page(ranges)[0] > near[0]
    page.page.keyboard.press("0")
    assert page(ranges) == pytest.approx(whole)


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (400, "dark"),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
        pytest.param(400, "light", marks=pytest.mark.slow),
    ],
)
def test_the_page_fits_the_window_and_its_colors(open_page, width, scheme):
    window = {"width": width, "height": 800}
    page = open_page(show_tree(funnels(50)).html, viewport=window, color_scheme=scheme)
    assert page("() => document.documentElement.scrollWidth") <= width
    assert page("() => lossatlas.args.plot.inner_width") > 0.55 * width
    background = page("() => lossatlas.args.plot.background_fill_color")
    assert background == {"light": "#ffffff", "dark": "#16181d"}[scheme]
    assert page("() => document.createElement('canvas').getContext('webgl')") is None


ATTACKS = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=http://attack.invalid/x onerror=alert(3)>",
    '"><svg onload=alert(4)>',
    "@id{<b>bold</b>} $index ${alert(5)} `${alert(6)}`",
    "$$\\href{javascript:alert(7)}{x}$$",
    "{{ 7 * 7 }} {% raw %}",
    "\u202e right to left",
]


def test_names_are_text(open_page):
    columns = {attack: np.arange(6.0) for attack in ATTACKS}
    source = Named(funnels(6).with_columns(**columns), " ".join(ATTACKS))
    page = open_page(show_tree(source, ATTACKS[0]).html)
    page.set("search", "3")
    x, y = place_of(page, 3)
    page.page.mouse.move(x, y)
    page.page.wait_for_timeout(300)
    for color, attack in enumerate(ATTACKS):
        page.set("color", str(color + 3))
        assert page.text().count(" ".join(attack.split())) >= 2
    assert page.page.title() == f"Disconnectivity graph: {source.name}"
    assert not page("() => !!document.querySelector('img, svg[onload]')")


def place_of(page, identifier: int) -> tuple[float, float]:
    """Where in the window the line of a minimum ends."""
    script = """(id) => {
      const {args, state} = lossatlas, at = state.row.id.indexOf(id)
      const view = Bokeh.index.find_one(args.plot)
      const box = view.canvas_view.el.getBoundingClientRect(), {x_scale, y_scale} = view.frame
      const [x, y] = [x_scale.compute(at), y_scale.compute(state.tree.height[at])]
      return [box.x + x, box.y + y - 2]
    }"""
    x, y = page(script, identifier)
    return x, y


class Named:
    """Like an atlas of a file with this name."""

    def __init__(self, network: Network, name: str) -> None:
        self._network, self.name = network, name

    def network(self) -> Network:
        return self._network


@pytest.mark.parametrize("n", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_small_trees_and_trees_without_connections(open_page, n):
    nothing = np.zeros(0)
    for network in (funnels(n), Network.of_pairs(np.full(n, 0.5), nothing, nothing, nothing)):
        page = open_page(show_tree(network).html)
        assert len(page(LINES)["leaves"]) == n
        for scale in ("log", "linear"):
            page.set("scale", scale)
        page.set("threshold", 30)
        page.set("least", 100)
        page.set("smallest", 5)
        assert page("() => lossatlas.args.plot.y_range.end > lossatlas.args.plot.y_range.start")


@pytest.mark.slow
def test_touching_zooms_and_the_wheel_keeps_drawing(open_page):
    page = open_page(show_tree(funnels(3000)).html)
    before = page("() => lossatlas.state.window.dx")
    page.page.mouse.move(600, 450)
    for _ in range(4):
        page.page.mouse.wheel(0, -300)
        page.settle()
    assert page("() => lossatlas.state.window.dx") < before
