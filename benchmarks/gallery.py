"""The gallery of the documentation, with every figure and every view of one atlas.

    python -m benchmarks.gallery d1.atlas

writes docs/gallery.md and the pictures that it shows. Views are photographed in headless Chromium
(the package `playwright`, and a Chromium on the path).
"""

import shutil
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DOCS = Path(__file__).parent.parent / "docs"
IMAGES = DOCS / "images" / "gallery"
WINDOW = {"width": 1100, "height": 900}
FIGURE = ".bk-Figure"
SECONDS = 60
"""How long figures are waited for."""


class Figure(NamedTuple):
    """A picture that the command line draws, with its heading, its caption and the arguments."""

    name: str
    heading: str
    text: str
    arguments: str


class View(NamedTuple):
    """A view of the application: heading, what it shows, how one gets there, figures drawn."""

    name: str
    heading: str
    text: str
    address: str = ""
    minima: int = 0
    tab: str = ""
    figures: int = 1
    scheme: str = "light"
    width: int = WINDOW["width"]


FIGURES = (
    Figure(
        "auc",
        "Colored by AUC",
        "The color of a branch is the AUC of its minimum on test data.",
        "--color test_auc",
    ),
    Figure(
        "journal",
        "One column of a journal",
        "The picture is 86 mm wide, its text has 8 points, its colors can be told apart in gray, "
        "and the lowest minima are labeled.",
        "--color test_auc --format aps --colors cividis {labels}",
    ),
    Figure(
        "bottom",
        "The bottom beside the tree",
        "The forty lowest minima are drawn once more, at the right; their part of the axis is "
        "shaded in the whole tree.",
        "--color train_auc --format aps-wide --inset 40 --scale-bar",
    ),
    Figure(
        "branches",
        "The main branches",
        "Branches that rise by less than 0.0003 are left out; a number says how many minima hung "
        "on the branch beside it.",
        "--color none --format nature --depth 0.0003",
    ),
    Figure(
        "preset",
        "As a figure of the paper",
        "One graph as Figure 2 of the paper shows several: the thousand lowest connected minima, "
        "colored by the AUC on test data, in one column.",
        "--preset figure-2",
    ),
    Figure(
        "exact",
        "Exact barriers",
        "Branches meet exactly where a path joins their minima, not at the next level above.",
        "--color test_auc --levels 0",
    ),
)
VIEWS = (
    View(
        "graph",
        "The graph",
        "As `lossatlas tree d1.atlas -o d1.html` writes it, and as `lossatlas serve d1.atlas` "
        "shows it first.",
    ),
    View(
        "dark",
        "In the dark, in a small window",
        "The same page in a window of 400 pixels, in a browser that is set to dark.",
        scheme="dark",
        width=400,
    ),
    View(
        "minimum",
        "A minimum",
        "After a click on a branch: the numbers of the minimum, its network, how it classifies, "
        "and the spectrum of the Hessian.",
        minima=1,
        figures=6,
    ),
    View(
        "minimum-dark",
        "A minimum in the dark",
        "The same in a browser that is set to dark.",
        minima=1,
        figures=6,
        scheme="dark",
    ),
    View(
        "path",
        "Two minima",
        "After a click on a second branch: the lowest path between the two.",
        minima=2,
        figures=8,
    ),
    View(
        "statistics",
        "Statistics",
        "AUC against loss, the distributions of AUC, discovery curves, and counts by tolerance.",
        tab="Statistics",
        figures=8,
    ),
    View(
        "exploration",
        "An exploration",
        "What was found since the page was opened. Here nothing, since no program explores.",
        tab="Exploration",
        figures=2,
    ),
    View(
        "beside",
        "Two atlases on one axis",
        "Here the same atlas twice.",
        address="?atlas=0&beside=1",
        figures=2,
    ),
)


def main() -> None:
    """Make the pictures and the page."""
    (atlas,) = sys.argv[1:]
    IMAGES.mkdir(parents=True, exist_ok=True)
    lowest, pair = _chosen(Path(atlas))
    parts = [_HEAD]
    for figure in FIGURES:
        labels = " ".join(f"--label {k}" for k in lowest)
        arguments = figure.arguments.format(labels=labels)
        parts.append(_figure(figure, Path(atlas), arguments))
    with _served(Path(atlas)) as url:
        parts += _views(url, pair)
    (DOCS / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


_HEAD = """# Gallery

All kinds of figures, and all views of the application, of one landscape: that of the picture on the
first page, explored by `lossatlas explore examples/d1.toml --independent-share 0.2`. The pictures
are made by `python -m benchmarks.gallery d1.atlas`.

## Figures
"""


def _chosen(path: Path) -> tuple[list[int], list[int]]:
    """Ids of the five lowest minima, and of two that are connected by a long path."""
    from lossatlas import Atlas

    with Atlas.open(path) as atlas:
        network = atlas.network()
    ids = network.minimum_ids[np.argsort(network.minimum_energies, kind="stable")]
    lowest = int(ids[0])
    paths = {int(k): len(network.path(lowest, int(k))) for k in ids[1:40]}
    return [int(k) for k in ids[:5]], [lowest, max(paths, key=lambda k: paths[k])]


def _figure(figure: Figure, atlas: Path, arguments: str) -> str:
    from typer.testing import CliRunner

    from lossatlas.program import app

    target = IMAGES / f"{figure.name}.png"
    result = CliRunner().invoke(app, ["tree", str(atlas), "-o", str(target), *arguments.split()])
    if result.exit_code:
        raise SystemExit(result.output)
    command = f"```console\n$ lossatlas tree d1.atlas -o {figure.name}.png {arguments}\n```\n"
    picture = f"![{figure.heading}](images/gallery/{figure.name}.png)\n"
    return f"### {figure.heading}\n\n{figure.text}\n\n<!-- not run -->\n\n{command}\n{picture}"


@contextmanager
def _served(atlas: Path) -> Any:
    from lossatlas.browser.application import application
    from lossatlas.browser.served import ServedAtlas
    from lossatlas.browser.server import start

    running = start(application([ServedAtlas(str(atlas)) for _ in range(2)]))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield running.url
    finally:
        running.stop()
        thread.join()


def _views(url: str, pair: list[int]) -> list[str]:
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("google-chrome")
    parts = ["## Views\n"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for view in VIEWS:
            window = {"width": view.width, "height": WINDOW["height"]}
            page = browser.new_page(viewport=window, color_scheme=view.scheme)
            page.goto(url + view.address)
            page.wait_for_selector("html[data-lossatlas=ready]", state="attached")
            for identifier in pair[: view.minima]:
                script = "(id) => { lossatlas.args.controls.search.value = String(id) }"
                page.evaluate(script, identifier)
                page.wait_for_timeout(1500)
            if view.minima:
                page.keyboard.press("0")
            if view.tab:
                page.get_by_text(view.tab, exact=True).click()
            _wait(page, view)
            page.screenshot(path=IMAGES / f"view-{view.name}.png", full_page=True)
            if view.name == "minimum":
                target = IMAGES.parent / "minimum.png"
                page.screenshot(path=target, full_page=True, clip=_around_figures(page, 1, 5))
            page.close()
            picture = f"![{view.heading}](images/gallery/view-{view.name}.png)\n"
            parts.append(f"### {view.heading}\n\n{view.text}\n\n{picture}")
        browser.close()
    return parts


def _wait(page: Any, view: View) -> None:
    """Until all figures of a view are drawn."""
    for _ in range(SECONDS):
        page.wait_for_timeout(1000)
        if page.locator(FIGURE).count() >= view.figures:
            page.wait_for_timeout(2000)
            return
    raise SystemExit(f"{view.name}: {page.locator(FIGURE).count()} of {view.figures} figures")


def _around_figures(page: Any, first: int, last: int) -> dict[str, float]:
    """The rectangle that holds some of the figures of a page, the first of them being 0."""
    found = [page.locator(FIGURE).nth(k).bounding_box() for k in range(first, last)]
    boxes = [
        (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]) for box in found
    ]
    x, y = (min(box[k] for box in boxes) for k in (0, 1))
    right, bottom = (max(box[k] for box in boxes) for k in (2, 3))
    return {"x": x, "y": y, "width": right - x, "height": bottom - y}


if __name__ == "__main__":
    main()
