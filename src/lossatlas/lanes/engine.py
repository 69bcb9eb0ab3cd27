"""The engine: thousands of searches in flight, a finished lane refilled at once.

It runs any number of searches (see `lanes.requests`) at once, collects their requests for each
kernel, and advances them in lanes: a lane that finishes is harvested and refilled from the queue in
the same device call that advances the others.

On a CPU one worker thread a core keeps all cores busy (compiled code releases the interpreter
lock). There one lane of a kernel is enough, and the first search is done first. On a GPU one worker
feeds the device.

Host calls run beside the lanes, in threads of their own that are started with the first of them: a
worker always has something to advance, however long a host call takes, and host calls use all
cores. Where both compete for the cores the operating system shares these out.

A search is resumed with no lock held, by whatever thread takes it: nobody else has it meanwhile, so
it needs no lock of its own, and what it hands over comes in order.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

from lossatlas.landscape.base import Surface
from lossatlas.landscape.device import device
from lossatlas.lanes.cores import available_cores
from lossatlas.lanes.requests import Found, Search
from lossatlas.lanes.session import Capacity, Session

PATIENCE = 2.0
"""Seconds that an interrupted program waits for device calls to end; most take less."""


class Engine:
    """Runs searches in lanes on every core, or on a GPU.

    Args:
        surface: the function searched, see `lossatlas.landscape.base.Surface`.
        lanes: lanes a kernel has on each worker; default 1 on a CPU, 256 on a GPU.
        workers: worker threads; default one a core on a CPU, one on a GPU. On a CPU there are at
            most as many threads for host calls, on a GPU one a core.

    Examples:
        >>> engine = Engine(landscape.surface)                       # doctest: +SKIP
        >>> for position, found in engine.run(searches): ...         # doctest: +SKIP
    """

    def __init__(
        self, surface: Surface, lanes: int | None = None, workers: int | None = None
    ) -> None:
        """Choose lanes and workers; nothing runs yet."""
        self.surface = surface
        on_cpu = device().platform == "cpu"
        self.lanes = lanes or (1 if on_cpu else 256)
        self.workers = workers or (available_cores() if on_cpu else 1)
        hosts = self.workers if on_cpu else available_cores()
        self.capacity = Capacity(self.lanes, self.workers, hosts, on_cpu)

    @contextmanager
    def session(
        self,
        stop: Callable[[], bool] = lambda: False,
        seconds_left: Callable[[], float] | None = None,
    ) -> Iterator[Session]:
        """Open the workers; searches may be submitted while others run.

        `stop` is asked between device calls; when it says True the searches still in flight are
        dropped. No compilation is begun that will take longer than `seconds_left`; searches that
        need it are dropped, and `Session.uncompiled` says so. After an interrupt a worker that is
        compiling is not waited for: it ends by itself.
        """
        with threadpool_limits(1, user_api="blas"):
            session, patience = Session(self.surface, self.capacity, stop, seconds_left), None
            try:
                session.open()
                yield session
            except KeyboardInterrupt:
                patience = PATIENCE
                raise
            finally:
                session.close(patience)

    def run(self, searches: Iterable[Search]) -> Iterator[tuple[int, Any]]:
        """Yield (position, result) as searches find them, and what they return as the last.

        An exception inside a search is raised here.
        """
        with self.session() as session:
            for search in searches:
                session.submit(search)
            session.no_more()
            for position, result in session.results():
                yield position, result.result if isinstance(result, Found) else result
