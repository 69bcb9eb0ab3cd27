"""How fast a graph is in the browser: as one file, and as `lossatlas serve` shows it.

    python -m benchmarks.browser page ATLAS
    python -m benchmarks.browser serve ATLAS

measures in headless Chromium without WebGL (the package `playwright`, and a Chromium on the path):
the time until the server answers and until the first picture, what is sent, how long it takes to
choose a minimum, the frames per second of a pan, and the memory of the server. Times are wall
times, so run it on a machine that does nothing else. `--minima N` fills the atlas first, with N
minima of random funnels.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks.bulk import INVARIANTS, STATES, add_links, add_points

from lossatlas.atlas import Atlas, Problem, schema

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-3d-apis"]
WINDOW = {"width": 1280, "height": 900}
READY = "html[data-lossatlas=ready]"
SECONDS = 300
"""How long anything is waited for."""
WEIGHTS = 12
COMPONENTS = 900
"""Number of sets of minima that no path joins, in an atlas that is filled."""

PAN = """(seconds) => new Promise((done) => {
  const range = lossatlas.args.plot.x_range, began = performance.now()
  let frames = 0, direction = 1
  const step = () => {
    const spent = (performance.now() - began) / 1000
    if (spent >= seconds) return done(frames / spent)
    if (frames++ % 60 === 30) direction = -direction
    const by = 0.01 * direction * (range.end - range.start)
    range.setv({start: range.start + by, end: range.end + by})
    requestAnimationFrame(step)
  }
  requestAnimationFrame(step)
})"""
"""Pan to and fro, as fast as frames are drawn."""
ZOOM = """(factor) => {
  const range = lossatlas.args.plot.x_range, middle = (range.start + range.end) / 2
  const half = (range.end - range.start) / (2 * factor)
  range.setv({start: middle - half, end: middle + half})
}"""
CHOOSE = """(id) => new Promise((done) => {
  const began = performance.now(), {controls, data} = lossatlas.args
  controls.search.value = String(id)
  const look = () => {
    if (data.chosen.at(-1) === id) requestAnimationFrame(() => done(performance.now() - began))
    else requestAnimationFrame(look)
  }
  look()
})"""


class Page(NamedTuple):
    """A page to be measured.

    Attributes:
        url: its address.
        server: the process of the server; None for a file.
    """

    url: str
    server: subprocess.Popen | None = None


def main() -> None:
    """Measure one kind of page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("kind", choices=("page", "serve"))
    parser.add_argument("atlas")
    parser.add_argument("--minima", type=int, help="fill the atlas, which must not exist yet")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each pan takes")
    options = parser.parse_args()
    if options.minima:
        fill(options.atlas, options.minima)
    opened = _file if options.kind == "page" else _served
    with opened(options.atlas) as page:
        measure(page, options.seconds)


def fill(path: str, minima: int) -> None:
    """Fill a new atlas with minima in random funnels and transition states above them."""
    random = np.random.default_rng(0)
    energies = 0.5 + 0.1 * np.sort(random.gamma(2.0, 0.3, minima))
    states = int(STATES * minima)
    right = np.concatenate([np.arange(1, minima), random.integers(1, minima, states)])[:states]
    left = (right * random.random(states) ** 2).astype(int)
    alone = random.choice(np.arange(1, minima), min(COMPONENTS, minima // 50), replace=False)
    kept = ~(np.isin(left, alone) | np.isin(right, alone))
    left, right = left[kept], right[kept]
    heights = np.maximum(energies[left], energies[right]) + random.exponential(0.02, left.size)
    with Atlas.create(path, Problem({"function": "random funnels"})) as atlas:
        for table, values in ((schema.minimum, energies), (schema.transition_state, heights)):
            shape = values.size, INVARIANTS
            points = random.normal(size=shape), random.normal(size=(values.size, WEIGHTS))
            add_points(atlas, table, values, *points)
        add_links(atlas, left + 1, right + 1)


@contextmanager
def _file(atlas: str) -> Iterator[Page]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "tree.html"
        began = time.perf_counter()
        command = [sys.executable, "-m", "lossatlas", "tree", atlas, "-o", str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        _say("file written", time.perf_counter() - began, "s")
        _say("size of the file", target.stat().st_size / 1e6, "MB")
        yield Page(target.as_uri())


@contextmanager
def _served(atlas: str) -> Iterator[Page]:
    began = time.perf_counter()
    command = [sys.executable, "-u", "-m", "lossatlas", "serve", atlas, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None  # It is a pipe.
            url = server.stdout.readline().strip()
            _say("address printed", time.perf_counter() - began, "s")
            yield Page(url, server)
        finally:
            server.terminate()


def measure(shown: Page, seconds: float) -> None:
    """Open a page in Chromium, and print what it takes."""
    from playwright.sync_api import sync_playwright

    found = os.environ.get("LOSSATLAS_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        page = browser.new_page(viewport=WINDOW)
        page.set_default_timeout(1000 * SECONDS)
        sent = _sent(page)
        began = time.perf_counter()
        page.goto(shown.url, wait_until="domcontentloaded")
        _say("page answered", time.perf_counter() - began, "s")
        page.wait_for_selector(READY, state="attached")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
        _say("first picture", time.perf_counter() - began, "s")
        _say("sent to the page", sum(sent) / 1e6, "MB")
        _interact(page, seconds, served=shown.server is not None)
        if shown.server is not None:
            _again(browser, shown.url)
            _memory(shown.server.pid)
        browser.close()


def _interact(page: Any, seconds: float, *, served: bool) -> None:
    """Pan the whole tree and a part of it, and choose two minima."""
    n = page.evaluate("() => lossatlas.state.all.n")
    _say("minima", n, "")
    _say("lines drawn", page.evaluate("() => lossatlas.state.lines.leaves.x.length"), "")
    _say("pan, whole tree", page.evaluate(PAN, seconds), "frames/s")
    page.evaluate(ZOOM, 10)
    _say("pan, a tenth", page.evaluate(PAN, seconds), "frames/s")
    for which in ("first", "middle"):
        at = 0 if which == "first" else n // 2
        identifier = page.evaluate("(at) => lossatlas.state.all.id[at]", at)
        _say(f"{which} minimum chosen", page.evaluate(CHOOSE, identifier), "ms")
        if served:
            began = time.perf_counter()
            page.get_by_text("length of the weight vector").wait_for()
            _say("... described by the server", 1000 * (time.perf_counter() - began), "ms")


def _again(browser: Any, url: str) -> None:
    page = browser.new_page(viewport=WINDOW)
    page.set_default_timeout(1000 * SECONDS)
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(READY, state="attached")
    _say("first picture of a second visit", time.perf_counter() - began, "s")
    page.close()


def _sent(page: Any) -> list[int]:
    """The sizes of everything that the page receives, as they come in."""
    sizes: list[int] = []

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda frame: sizes.append(len(frame)))

    page.on("websocket", listen)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.dataReceived", lambda event: sizes.append(event["dataLength"]))
    return sizes


def _memory(process: int) -> None:
    """Print the memory of a process, where the system tells it."""
    about = Path(f"/proc/{process}/status")
    if not about.exists():
        return
    lines = dict(line.split(":", 1) for line in about.read_text().splitlines())
    for name, words in (("VmRSS", "memory of the server"), ("VmHWM", "its largest memory")):
        _say(words, int(lines[name].split()[0]) / 1024, "MB")


def _say(what: str, value: float, unit: str) -> None:
    print(f"{what:34s} {value:10.2f} {unit}", flush=True)


if __name__ == "__main__":
    main()
