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


class Figure(NamedTuple):
    """A picture that the command line draws, with its heading, its caption and the arguments."""

    name: str
    heading: str
    text: str
    arguments: str


class View(NamedTuple):
    """A view of the application, with its heading, its caption and the way to it."""

    name: str
    heading: str
    text: str
    address: str = ""
    minima: int = 0
    tab: str = ""
    scheme: str = "light"
    width: int = WINDOW["width"]


FIGURES = (
    Figure("auc", "Colored by AUC", "The color is the AUC on test data.", "--color test_auc"),
    Figure(
        "journal",
        "One column of a journal",
        "86 mm wide, text of 8 points, colors that survive gray, the lowest minima labeled.",
        "--color test_auc --format aps --colors cividis {labels}",
    ),
    Figure(
        "bottom",
        "The bottom beside the tree",
        "The forty lowest minima once more; their part of the axis is shaded in the whole tree.",
        "--color train_auc --format aps-wide --inset 40 --scale-bar",
    ),
    Figure(
        "branches",
        "The main branches",
        "Branches that rise by less than 0.01 are left out; numbers say how many minima stand for "
        "what hung there.",
        "--color none --format nature --depth 0.01 --top 0.63",
    ),
    Figure("exact", "Exact barriers", "Without levels.", "--color test_auc --levels 0 --top 0.6"),
)
VIEWS = (
    View("graph", "The graph", "As `lossatlas tree -o` writes it, and as `serve` shows it first."),
    View("dark", "In the dark, in a small window", "400 pixels wide.", scheme="dark", width=400),
    View("minimum", "A minimum", "Numbers, network, classification, spectrum.", minima=1),
    View("path", "Two minima", "The lowest path between them.", minima=2),
    View("statistics", "Statistics", "What the paper asks of a landscape.", tab="Statistics"),
    View("exploration", "An exploration", "How it goes on.", tab="Exploration"),
    View("beside", "Two atlases on one axis", "Here the same twice.", address="?atlas=0&beside=1"),
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

Every figure and every view, of the atlas of the picture in the README:
`lossatlas explore examples/d1.toml`. This page is made by `python -m benchmarks.gallery d1.atlas`.

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
            page.wait_for_timeout(5000)
            page.screenshot(path=IMAGES / f"view-{view.name}.png", full_page=True)
            page.close()
            picture = f"![{view.heading}](images/gallery/view-{view.name}.png)\n"
            parts.append(f"### {view.heading}\n\n{view.text}\n\n{picture}")
        browser.close()
    return parts


if __name__ == "__main__":
    main()
