"""Headless Chromium, and pages that are watched: what they ask for and what goes wrong in them."""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from watched import READY, Watched

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-3d-apis"]
"""Without WebGL, as on many remote desktops."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser of Playwright; tests that need it are skipped where it is absent.

    Not longer than for a module: Playwright keeps an event loop running in this thread.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    found = os.environ.get("LOSSATLAS_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        pytest.skip("no Chromium on the path (install it, or set LOSSATLAS_CHROMIUM)")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Open a page from a file; it must end without complaints and without requests."""
    opened = []

    def show(html: str, **context: Any) -> Watched:
        target = tmp_path / f"page-{len(opened)}.html"
        target.write_text(html, encoding="utf-8")
        watched = Watched(chromium.new_page(**context))
        opened.append(watched)
        watched.page.goto(target.as_uri())
        watched.page.wait_for_selector(READY, state="attached")
        watched.settle()
        return watched

    yield show
    for watched in opened:
        assert watched.complaints == []
        assert watched.elsewhere() == []
        watched.page.close()


@pytest.fixture
def old_atlas(tmp_path: Path) -> Path:
    """An atlas of the first version, of a network of two inputs."""
    kept = Path(__file__).parent.parent / "atlas" / "version-1.atlas"
    return Path(shutil.copy(kept, tmp_path / "old.atlas"))


@pytest.fixture(scope="session")
def network_atlas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, upgraded: four minima, fourteen transition states."""
    from lossatlas.atlas import Atlas

    kept = Path(__file__).parent.parent / "atlas" / "version-1.atlas"
    path = tmp_path_factory.mktemp("atlas") / "xor.atlas"
    shutil.copy(kept, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says that it was upgraded
        Atlas.open(path).close()
    return path
