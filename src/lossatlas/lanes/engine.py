"""The engine: it runs thousands of searches at once, and refills a finished lane without delay.

It collects the requests of all searches (`lanes.requests`) for each kernel, and advances them in
lanes: the result of a lane that has finished is taken, and the lane refilled from the queue, in the
same device call that advances the others.

On a CPU one worker thread for each core keeps all cores busy, because compiled code releases the
lock of the Python interpreter. One lane of each kernel is enough there, and the oldest search goes
first. On a GPU lanes are vectorized, and one worker feeds each device. It has two blocks of each
kernel, so that it can take results from one and refill it while the device advances the other.

Host calls run beside the lanes, in threads of their own that are started with the first of them.
Therefore a worker always has something to advance, however long a host call takes, and host calls
use all cores. If both compete for the cores, the operating system shares these out.

A search is resumed by one thread at a time, without holding the lock of the engine. Therefore it
needs no lock of its own, and the results that it hands over come in order.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from threading import Lock
from typing import Any

import jax
from threadpoolctl import threadpool_limits

from lossatlas.errors import BadInputError
from lossatlas.landscape.base import Surface
from lossatlas.landscape.device import devices
from lossatlas.lanes.blocks import codes, sizes
from lossatlas.lanes.capacity import Capacity
from lossatlas.lanes.cores import available_cores
from lossatlas.lanes.requests import Found, Kernel, Search
from lossatlas.lanes.session import Session

SWITCH = 5e-4
"""Seconds after which a thread leaves the Python interpreter to another that waits for it. Python's
default is ten times as long, for which many workers, or the thread of a card, would wait several
times in each device call."""
VECTORIZED_LANES = 2048
"""Default number of vectorized lanes of a kernel, in two blocks. With more than a thousand lanes in
each block a graphics card is hardly faster."""
PATIENCE = 2.0
"""Seconds that an interrupted program waits for device calls to end; most calls take less."""


class Engine:
    """Runs searches in lanes on every core, or on a GPU.

    Args:
        surface: the compiled half of the landscape (`lossatlas.landscape.base.Surface`).
        lanes: number of lanes of each kernel on each worker; default 1, or 2048 if lanes are
            vectorized.
        workers: number of worker threads; default one for each core, or one for each device if
            lanes are vectorized. There are at most as many threads for host calls, or one for each
            core if lanes are vectorized.
        vectorized: whether the lanes of a kernel take each step together, which changes results by
            rounding errors; by default they do except on a CPU, where it would take more time.

    Attributes:
        capacity: the numbers of lanes and threads, and the devices.

    Raises:
        BadInputError: if `lanes` or `workers` is less than 1.

    Examples:
        >>> import numpy as np
        >>> from lossatlas import FunctionLandscape, default_tools
        >>> from lossatlas.search import quench
        >>> wells = FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> tools = default_tools(wells)
        >>> searches = [quench(tools, np.array([start, 0.3])) for start in (-0.5, 0.5)]
        >>> found = dict(Engine(wells.surface).run(searches))
        >>> [found[k].minima[0].weights.round(6).tolist() for k in (0, 1)]
        [[-1.0, 0.0], [1.0, 0.0]]
    """

    def __init__(
        self,
        surface: Surface,
        lanes: int | None = None,
        workers: int | None = None,
        vectorized: bool | None = None,
    ) -> None:
        """Choose lanes and workers, without starting anything."""
        for name, value in (("lanes", lanes), ("workers", workers)):
            if value is not None and value < 1:
                raise BadInputError(
                    name, f"{value} is not at least 1", "leave it out for the default"
                )
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
        """Start the workers, for a ``with`` block in which searches are submitted while others run.

        After an interrupt a worker that is compiling is not waited for, since it ends by itself.

        Args:
            stop: called between device calls; when it returns True, the searches that are still in
                flight are dropped. By default they never are.
            seconds_left: returns the seconds until the time is up. No compilation is waited for
                that will take longer; searches that need it are dropped, and `Session.uncompiled`
                lists it. Default None, no limit.
        """
        with threadpool_limits(1, user_api="blas"), _SWITCHING.soon():
            session, patience = Session(self.surface, self.capacity, stop, seconds_left), None
            try:
                session.open()
                yield session
            except KeyboardInterrupt:
                patience = PATIENCE
                raise
            finally:
                session.close(patience)

    def compile_ahead(self, jobs: Sequence[tuple[Kernel, tuple[Any, ...]]]) -> None:
        """Begin to compile what the first jobs of several kernels would wait for, on a card.

        All code is compiled at the same time, in threads. Without this the code of a kernel is
        compiled when its first job comes, when the searches of all other kernels have to wait. On a
        CPU nothing is done, since there code is compiled for one number of lanes and soon ready.
        Python waits for these threads when the program ends.

        Args:
            jobs: pairs of a kernel and a job of it, of which the shapes matter alone.
        """
        if not self.capacity.compiles_ahead:
            return
        devices = self.capacity.devices
        for device in devices[: self.workers]:
            where = jax.default_device(device) if len(devices) > 1 else nullcontext()
            with jax.enable_x64(True), where:  # as in the threads that will use the code
                # The smallest numbers of lanes of all kernels are needed first.
                for number in sizes(self.lanes // self.capacity.turns)[::-1]:
                    for kernel, job in jobs:
                        # A kernel that cannot be traced raises where a search asks for it.
                        with suppress(Exception):
                            codes(kernel, self.surface, job, (number,))

    def run(self, searches: Iterable[Search]) -> Iterator[tuple[int, Any]]:
        """Run searches to their ends, and yield their results as they come.

        An exception that a search raises is raised here.

        Args:
            searches: the searches, all on the surface of this engine.

        Yields:
            The position of a search, and a result of it: those that it hands over as `Found`, and
            last what it returns.
        """
        with self.session() as session:
            for search in searches:
                session.submit(search)
            session.no_more()
            for position, result in session.results():
                yield position, result.result if isinstance(result, Found) else result


class _Switching:
    """How often Python's threads take turns, which is one setting for all engines of a program."""

    def __init__(self) -> None:
        self._lock, self._users, self._before = Lock(), 0, 0.0

    @contextmanager
    def soon(self) -> Iterator[None]:
        """Let threads take turns more often until the last of these contexts ends."""
        with self._lock:
            if self._users == 0:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(min(self._before, SWITCH))
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    sys.setswitchinterval(self._before)


_SWITCHING = _Switching()
