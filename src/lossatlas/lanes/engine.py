"""The engine: thousands of searches in flight, a finished lane refilled at once.

It runs any number of searches (see `lanes.requests`) at once, collects their requests for each
kernel, and advances them in lanes: a lane that finishes is harvested and refilled from the queue in
the same device call that advances the others.

On a CPU one worker thread a core keeps all cores busy (compiled code releases the interpreter
lock). There one lane of a kernel is enough, and the first search is done first. On a GPU lanes are
vectorized, and one worker feeds each device: it has two blocks of each kernel, and while the device
advances one of them it harvests and refills another.

Host calls run beside the lanes, in threads of their own that are started with the first of them: a
worker always has something to advance, however long a host call takes, and host calls use all
cores. Where both compete for the cores the operating system shares these out.

A search is resumed with no lock held, by whatever thread takes it: nobody else has it meanwhile, so
it needs no lock of its own, and what it hands over comes in order.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

from lossatlas.errors import BadInputError
from lossatlas.landscape.base import Surface
from lossatlas.landscape.device import devices
from lossatlas.lanes.capacity import Capacity
from lossatlas.lanes.cores import available_cores
from lossatlas.lanes.requests import Found, Search
from lossatlas.lanes.session import Session

SWITCH = 5e-4
"""Seconds that the thread of a device waits for a worker to leave the interpreter to it. By default
it is ten times as long, several times in each device call, and meanwhile the device is idle."""
VECTORIZED_LANES = 2048
"""Vectorized lanes of a kernel by default, in two blocks: with more than a thousand in each a
graphics card is hardly faster."""
PATIENCE = 2.0
"""Seconds that an interrupted program waits for device calls to end; most take less."""


class Engine:
    """Runs searches in lanes on every core, or on a GPU.

    Args:
        surface: the function searched, see `lossatlas.landscape.base.Surface`.
        lanes: lanes a kernel has on each worker; default 1, and 2048 if they are vectorized.
        workers: worker threads; default one a core, and one a device if lanes are vectorized. There
            are at most as many threads for host calls, or one a core.
        vectorized: whether lanes take each step together; default not on a CPU, where this costs
            time (results differ by rounding errors).

    Raises:
        BadInputError: if there is not at least one lane and one worker.

    Examples:
        >>> engine = Engine(landscape.surface)                       # doctest: +SKIP
        >>> for position, found in engine.run(searches): ...         # doctest: +SKIP
    """

    def __init__(
        self,
        surface: Surface,
        lanes: int | None = None,
        workers: int | None = None,
        vectorized: bool | None = None,
    ) -> None:
        """Choose lanes and workers; nothing runs yet."""
        for name, value in (("lanes", lanes), ("workers", workers)):
            if value is not None and value < 1:
                raise BadInputError(name, f"{value} is not at least 1", "leave it out for the best")
        self.surface = surface
        used = devices()
        together = used[0].platform != "cpu" if vectorized is None else vectorized
        cores = available_cores()
        self.lanes = lanes or (VECTORIZED_LANES if together else 1)
        self.workers = workers or (len(used) if together else cores)
        hosts = cores if together else self.workers
        if not together:
            used = used[:1]
        self.capacity = Capacity(self.lanes, self.workers, hosts, together, used)

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
        with threadpool_limits(1, user_api="blas"), _switching_soon(self.capacity.vectorized):
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


@contextmanager
def _switching_soon(vectorized: bool) -> Iterator[None]:
    """Beside vectorized lanes, have Python's threads take turns more often."""
    before = sys.getswitchinterval()
    if vectorized:
        sys.setswitchinterval(min(before, SWITCH))
    try:
        yield
    finally:
        sys.setswitchinterval(before)
