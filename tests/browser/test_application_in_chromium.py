"""The served application in headless Chromium."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from serving import add_minimum, serving
from watched import READY, Watched

from lossatlas.atlas import Atlas, Problem

pytestmark = pytest.mark.browser


@pytest.fixture
def visit(chromium):
    """Open a served page; it must end without complaints and without requests elsewhere.

    What it says of a server that has ended meanwhile does not count.
    """
    opened = []

    def show(url: str, ready: bool = True, **context) -> Watched:
        watched = Watched(chromium.new_page(**context))
        opened.append((watched, url))
        watched.page.goto(url)
        if ready:
            watched.page.wait_for_selector(READY, state="attached")
            watched.settle()
        return watched

    yield show
    for watched, url in opened:
        host = url.split("/")[2]
        ended = ("ERR_CONNECTION_REFUSED", "open websocket", "Lost websocket")
        complaints = [one for one in watched.complaints if not any(e in one for e in ended)]
        assert complaints == []
        assert [one for one in watched.elsewhere() if one.split("/")[2] != host] == []
        watched.page.close()


def until(page: Watched, words: str) -> str:
    """The text of the page, as soon as it holds some words."""
    for _ in range(100):
        if words in (text := page.text()):
            return text
        page.page.wait_for_timeout(100)
    raise AssertionError(f"{words!r} is not in {text!r}")


@pytest.fixture
def copies(network_atlas, tmp_path: Path) -> list[Path]:
    return [Path(shutil.copy(network_atlas, tmp_path / f"{name}.atlas")) for name in "ab"]


def test_chosen_minima_are_described_and_compared(visit, copies):
    with serving(copies[:1]) as url, Atlas.open(copies[0]) as atlas:
        page = visit(url)
        network = atlas.network()
        page.set("search", "1")
        text = until(page, "length of the weight vector")
        assert f"{network.minimum_energies[0]:.6g}" in text
        page.set("search", "4")
        text = until(page, "path 1 to 4")
        assert f"highest loss {float(network.barrier(1, 4)):.6g}" in text
        titles = """() => Bokeh.documents[0]._all_models.size && [...Bokeh.documents[0]._all_models
          .values()].filter((m) => m.type === "Title").map((m) => m.text)"""
        for _ in range(100):
            found = page(titles)
            if "Spectrum of the Hessian" in found:
                break
            page.page.wait_for_timeout(100)
        wanted = {
            "ROC, test items",
            "Confusion, test items",
            "Decision map",
            "Spectrum of the Hessian",
            "Lowest path",
            "Decision map along the path",
        }
        assert wanted <= set(found)
        page.page.keyboard.press("Escape")
        page("() => document.activeElement.blur()")
        page.page.get_by_text("Statistics", exact=True).click()
        until(page, "independent draws")
        page.page.get_by_text("Exploration", exact=True).click()
        until(page, "strategy attempts new points")


def test_the_page_follows_an_atlas_that_is_written(visit, copies):
    with serving(copies[:1]) as url:
        page = visit(url)
        assert page("() => lossatlas.state.all.n") == 4
        page.set("search", "3")
        add_minimum(copies[0], 0.1, "one more")
        page.page.wait_for_function("() => lossatlas.state.all.n === 5", timeout=20_000)
        page.settle()
        assert page("() => lossatlas.args.data.lowest") == pytest.approx(0.1)
        (chosen,) = page("() => lossatlas.state.chosen.map((p) => lossatlas.state.all.id[p])")
        assert chosen == 3
        page.page.get_by_text("Exploration", exact=True).click()
        assert "minima 5" in until(page, "running for")
        with Atlas.open(copies[0]) as atlas:
            atlas.set_property("beauty", dict.fromkeys(range(1, 6), 0.5))
        again = "() => globalThis.lossatlas?.args.data.names.includes('beauty')"
        page.page.wait_for_function(again, timeout=20_000)


def test_an_atlas_that_is_deleted_is_missed(visit, copies):
    with serving(copies[:1]) as url:
        page = visit(url)
        copies[0].unlink()
        text = until(page, "was deleted, moved or replaced while it was served")
        assert "start lossatlas serve again" in text
        again = visit(url, ready=False)
        until(again, "was deleted, moved or replaced")


@pytest.mark.slow
def test_two_atlases_stand_on_one_axis(visit, copies):
    add_minimum(copies[1], 0.05, "one more")
    with serving(copies) as url:
        page = visit(f"{url}?atlas=0&beside=1", viewport={"width": 1280, "height": 900})
        text = page.text()
        assert "a.atlas" in text
        assert "b.atlas" in text
        page.page.wait_for_timeout(500)
        ranges = page("""() => [...Bokeh.documents[0]._all_models.values()]
          .filter((m) => m.type === "Figure").map((m) => [m.y_range.start, m.y_range.end])""")
        assert len(ranges) == 2
        assert ranges[0] == ranges[1]
        assert ranges[0][0] < 0.05


@pytest.mark.slow
def test_an_atlas_without_minima_waits_for_them(visit, network_atlas, tmp_path):
    with Atlas.open(network_atlas) as full:
        problem = full.problem
    path = tmp_path / "empty.atlas"
    Atlas.create(path, problem).close()
    with serving([path]) as url:
        page = visit(url, ready=False)
        until(page, "There are no minima in")
        add_minimum(path, 0.2, "the first")
        page.page.wait_for_selector(READY, state="attached", timeout=20_000)
        assert page("() => lossatlas.state.all.n") == 1


@pytest.mark.slow
def test_names_of_classes_features_and_files_are_text(visit, network_atlas, tmp_path):
    attack = "<img src=x onerror=alert(1)>$$x$$"
    with Atlas.open(network_atlas) as full:
        stored = full.problem
    names = {**stored.specification, "classes": [attack, "</script><b>"], "features": [attack] * 2}
    path = tmp_path / "<img src=x onerror=alert(2)>.atlas"
    with Atlas.create(path, Problem(stored.fingerprint, names, stored.arrays)) as atlas:
        name = atlas.name
    add_minimum(path, 0.2, "the first")
    with serving([path, network_atlas]) as url:
        page = visit(url)
        page.set("search", "1")
        text = until(page, "length of the weight vector")
        assert Path(name).name in text
        page.page.wait_for_timeout(1500)
        assert not page("() => !!document.querySelector('img')")


def test_an_atlas_of_a_function_shows_coordinates(visit, network_atlas, tmp_path):
    path = tmp_path / "function.atlas"
    Atlas.create(path, Problem({"function": "wells"}, {}, {})).close()
    for k, energy in enumerate((0.1, 0.2)):
        add_minimum(path, energy, str(k))
    with serving([path]) as url:
        page = visit(url, viewport={"width": 400, "height": 800}, color_scheme="dark")
        assert page("() => document.documentElement.scrollWidth") <= 400
        page.set("search", "1")
        page.set("search", "2")
        until(page, "No path joins the minima 1 and 2")
        assert "length of the weight vector" in page.text()
        rows = page("() => Array.from(lossatlas.state.all.gap).map(String)")
        assert rows == ["Infinity"] * 2
        assert np.isfinite(page("() => lossatlas.args.plot.y_range.end"))


COLORS = """() => [...new Set(Bokeh.documents[0].roots().flatMap((root) => [...root.references()]))]
  .filter((m) => m.type === "Figure").map((m) => [
    m.background_fill_color, m.border_fill_color, m.left[0].major_label_text_color,
    m.left[0].axis_line_color, m.title.text_color,
  ])"""
"""The colors of each figure: background, border, and what is drawn on them."""


def lightness(color: str) -> float:
    return sum(int(color[k : k + 2], 16) for k in (1, 3, 5)) / (3 * 255)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_figures_are_light_on_dark_where_the_browser_is_dark(visit, copies, width):
    with serving(copies[:1]) as url:
        window = {"width": width, "height": 900}
        page = visit(url, viewport=window, color_scheme="dark")
        for identifier in ("1", "4"):
            page.set("search", identifier)
            until(page, f"minimum {identifier}")
        until(page, "path 1 to 4")
        page.page.wait_for_function("() => document.querySelector('.bk-Column') !== null")
        page.page.wait_for_timeout(2000)
        assert page("() => document.documentElement.scrollWidth") <= width
        figures = page(COLORS)
        assert len(figures) >= 6
        for background, border, *drawn in figures[1:]:
            assert max(lightness(background), lightness(border)) < 0.2
            assert min(map(lightness, drawn)) > 0.6
        page.page.emulate_media(color_scheme="light")
        page.page.wait_for_timeout(1500)
        for background, border, *drawn in page(COLORS)[1:]:
            assert min(lightness(background), lightness(border)) > 0.9
            assert max(map(lightness, drawn)) < 0.6


@pytest.mark.slow
def test_a_page_says_that_its_atlas_is_being_read_and_then_shows_it(visit, copies, monkeypatch):
    """The graph appears, whether the atlas is read before or after the browser is connected."""
    read, may_go_on = Atlas.network, threading.Event()

    def waiting(self: Atlas, **options):
        assert may_go_on.wait(60)
        return read(self, **options)

    for early in (False, True):
        may_go_on.clear()
        with monkeypatch.context() as patched, serving(copies) as url:
            patched.setattr(Atlas, "network", waiting)
            if early:  # The server asks for a reload before the page has asked for its content.
                threading.Timer(0.2, may_go_on.set).start()
                page = visit(f"{url}?atlas=0&beside=1", ready=False)
            else:
                page = visit(f"{url}?atlas=0&beside=1", ready=False)
                until(page, "is being read")
                may_go_on.set()
            page.page.wait_for_selector(READY, state="attached", timeout=20_000)


@pytest.mark.slow
def test_trunks_that_nothing_joins_reach_the_top_of_a_common_axis(visit, copies, tmp_path):
    with Atlas.open(copies[0]) as full:
        problem = full.problem
    low = tmp_path / "low.atlas"
    Atlas.create(low, problem).close()
    for k, energy in enumerate((0.01, 0.02)):
        add_minimum(low, energy, str(k))
    with serving([low, copies[0]]) as url:
        page = visit(f"{url}?atlas=0&beside=1")
        assert page("() => lossatlas.state.ceiling >= lossatlas.args.data.axis[1]")
