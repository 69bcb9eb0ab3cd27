"""A server of the application in a thread, and plain requests to it."""

import http.client
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from lossatlas.atlas import Atlas, Attempt
from lossatlas.errors import Status
from lossatlas.search.outcome import Cost, Outcome, StationaryPoint


@contextmanager
def serving(atlases: Sequence[Path], address: str = "127.0.0.1") -> Iterator[str]:
    """Serve atlases at a free port; gives the URL."""
    from lossatlas.browser.application import application
    from lossatlas.browser.served import ServedAtlas
    from lossatlas.browser.server import start

    served = [ServedAtlas(str(path)) for path in atlases]
    started: Queue[Any] = Queue()

    def run() -> None:
        running = start(application(served), address)
        started.put(running)
        running.run()

    thread = threading.Thread(target=run)
    thread.start()
    running = started.get(timeout=60)
    try:
        yield running.url
    finally:
        running.stop()
        thread.join(timeout=60)
        for one in served:
            one.atlas.close()


def request(
    url: str,
    path: str = "/",
    method: str = "GET",
    body: bytes = b"",
    to: str = "127.0.0.1",
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content of an answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(to, parts.port or 80, timeout=60)
    given = {"Host": parts.netloc, **headers}
    try:
        connection.request(method, path, body or None, given)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def add_minimum(path: Path, energy: float, key: str) -> None:
    """Let another program find one more minimum."""
    random = np.random.default_rng(round(1e6 * energy))
    point = StationaryPoint(
        weights=random.normal(size=12),
        energy=energy,
        rms_gradient=1e-15,
        index=0,
        lowest_eigenvalues=np.array([1e-3, 2e-3]),
        log_determinant=-3.0,
        uncertainty=1e-10,
        invariants=random.normal(size=9),
        orbit_size=8,
    )
    outcome = Outcome(minima=(point,), pathways=(), status=Status.CONVERGED, cost=Cost(3, 1))
    place = {"part": 1, "stream": None, "round": 0, "as_of": 0, "width": 0}
    found = Attempt("basin-hopping", (), "step 1", outcome, **place)
    with Atlas.open(path) as atlas:
        run = atlas.start_run({"minutes": 1, "lanes": 4}, 0, {"lossatlas": "0"}, "cpu")
        atlas.commit(run, [found], key)
