"""The queues of an engine, and the choice of the job that a worker takes next.

Nothing in this module knows of threads: a session calls all of it with its lock held. Jobs of the
oldest search come first, so that results come nearly in the order of submission.
"""

import heapq
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Literal, NamedTuple, TypeAlias

from lossatlas.lanes.blocks import Block, Job, sizes
from lossatlas.lanes.compilation import Forecast
from lossatlas.lanes.requests import HostCall, Kernel, Search


class Ready(NamedTuple):
    """A search that can be resumed.

    Attributes:
        position: position of the search in the order of submission.
        search: the search.
        value: the results that it is resumed with.
    """

    position: int
    search: Search
    value: Any


Blocks: TypeAlias = dict[Kernel, list[Block]]
"""The blocks of a worker: one for each kernel, or two that are advanced in turn."""


class Call(NamedTuple):
    """A device call to be made.

    Attributes:
        block: the block whose lanes are advanced.
        new: jobs that begin in its empty lanes.
        lanes: number of lanes that the block is to have.
        first: whether its code is compiled by this call.
    """

    block: Block
    new: list[Job]
    lanes: int
    first: bool


class JobQueue:
    """A queue of jobs, in which those of the oldest search come first.

    Examples:
        >>> queue = JobQueue()
        >>> queue.push(7, "later"), queue.push(3, "first"), queue.push(3, "second")
        (None, None, None)
        >>> len(queue), queue.oldest, queue.pop(), queue.pop(), queue.pop(), queue.oldest
        (3, 3, 'first', 'second', 'later', None)
    """

    def __init__(self) -> None:
        """Begin with an empty queue."""
        # The second entry of each tuple is a different number, so that jobs are never compared.
        self._heap: list[tuple[int, int, Any]] = []
        self._numbers = count()

    def __len__(self) -> int:
        """Return the number of jobs."""
        return len(self._heap)

    @property
    def oldest(self) -> int | None:
        """The position of the oldest search with a job in the queue; None if it is empty."""
        return self._heap[0][0] if self._heap else None

    def push(self, position: int, job: Any) -> None:
        """Add a job of the search at a position."""
        heapq.heappush(self._heap, (position, next(self._numbers), job))

    def pop(self) -> Any:
        """Remove and return the first job of the oldest search."""
        return heapq.heappop(self._heap)[2]


class Schedule:
    """The jobs that wait for each kernel, and which kernels are compiled or can be in time.

    Args:
        workers: number of workers that share the jobs of a kernel.
        lanes: largest number of lanes of each block.
        vectorized: whether an empty lane takes as much time as any other, so that blocks have only
            as many lanes as they need.
        forecast: tells how long a compilation will take.
        seconds_left: returns the seconds until the time is up; None without a limit.

    Attributes:
        ready: searches that can be resumed, the oldest first.
        host_calls: pairs of a host call and its job.
        uncompiled: kernels that there is no time to compile, with the seconds that each would take.
        dropped: number of searches that were dropped because they wait for one of them.
        opened: time at which compilations ahead were begun.
    """

    def __init__(
        self,
        workers: int,
        lanes: int,
        vectorized: bool,
        forecast: Forecast,
        seconds_left: Callable[[], float] | None,
    ) -> None:
        """Begin without any job."""
        self.workers, self.lanes, self.vectorized = workers, lanes, vectorized
        self.forecast, self.seconds_left = forecast, seconds_left
        self.ready: list[Ready] = []  # a heap; no two searches have the same position
        self.host_calls = JobQueue()
        self.uncompiled: dict[Kernel, float] = {}
        self.dropped = 0
        self._queues: dict[Kernel, JobQueue] = {}
        self._seen: set[tuple[Kernel, int]] = set()
        self._compiling: set[Kernel] = set()
        self._postponed: set[Kernel] = set()
        self.opened = time.monotonic()

    def push_ready(self, ready: Ready) -> None:
        """Add a search that can be resumed."""
        heapq.heappush(self.ready, ready)

    def pop_ready(self) -> Ready | None:
        """Remove and return the oldest search that can be resumed; None if there is none."""
        return heapq.heappop(self.ready) if self.ready else None

    def push(self, kernel: Kernel, job: Job) -> None:
        """Add a job for a kernel."""
        self._queues.setdefault(kernel, JobQueue()).push(job.ticket.position, job)

    def push_host_call(self, host: HostCall, job: Job) -> None:
        """Add a job for a host call."""
        self.host_calls.push(job.ticket.position, (host, job))

    def kernels(self) -> list[Kernel]:
        """Return all kernels that were ever requested."""
        return list(self._queues)

    def out_of_memory(
        self, call: Call, held: Sequence[int]
    ) -> Literal["halved", "waiting", "hopeless"]:
        """Deal with a call that did not fit into the memory; its searches are queued to begin anew.

        Blocks have half as many lanes from now on. Other blocks give their memory back when they
        become empty. As long as there are any with searches, empty blocks of the kernel wait until
        another call has finished, and lanes are not halved again before all blocks have as few.

        Args:
            call: the call.
            held: numbers of lanes of the other blocks of its worker that contain searches.

        Returns:
            ``"halved"`` if blocks have fewer lanes from now on, ``"waiting"`` if the kernel waits
            for memory, and ``"hopeless"`` if a single search alone does not fit.
        """
        kernel = call.block.kernel
        for job in call.block.abandon():
            self.push(kernel, job)
        if not held and call.lanes == 1:
            return "hopeless"
        if held:
            self._postponed.add(kernel)
        else:
            self._postponed.clear()  # no other block is left that they could wait for
        if call.lanes == 1 or max(held, default=0) > self.lanes:
            return "waiting"
        self.lanes = max(1, min(self.lanes, call.lanes // 2))
        return "halved"

    def finished(self) -> bool:
        """Take note that a call has finished, after which there may be memory again.

        Returns:
            Whether a kernel has waited for that.
        """
        waited = bool(self._postponed)
        self._postponed.clear()
        return waited

    def next_call(self, blocks: Blocks) -> Call | None:
        """Choose the device call that a worker makes next.

        On a CPU it is that of the kernel that the oldest search waits for, because an empty lane
        costs nothing. With vectorized lanes the block with the most searches comes first, and among
        equal ones that of the oldest search.

        Args:
            blocks: the blocks of the worker.

        Returns:
            The call; None if there is none.
        """
        self._drop_uncompiled()
        ages = {
            block: age
            for kernel, queue in self._queues.items()
            if kernel not in self._compiling
            and (block := _idle(blocks[kernel])) is not None
            and (kernel not in self._postponed or block.active > 0)
            and (age := self._age(block, queue)) is not None
        }
        if not ages:
            return None
        block = min(ages, key=lambda block: ages[block])
        kernel = block.kernel
        planned = self._planned(block)
        if planned is None:
            self.uncompiled[kernel] = self.forecast.seconds(kernel, self.lanes)
            return self.next_call(blocks)
        new, lanes = planned
        first = (kernel, lanes) not in self._seen
        if first:
            # One worker compiles a kernel, and the others do other work meanwhile.
            self._seen.add((kernel, lanes))
            self._compiling.add(kernel)
        return Call(block, [self._queues[kernel].pop() for _ in range(new)], lanes, first)

    def compiled(self, call: Call, seconds: float | None) -> None:
        """Take note that the code for a call is compiled.

        Args:
            call: the call, which has returned.
            seconds: seconds that it took, compilation included; None if its code was there before.
        """
        if seconds is not None:
            self.forecast.note(call.block.kernel, call.lanes, seconds)
        self._compiling.discard(call.block.kernel)

    def _in_time(self, block: Block, lanes: int) -> bool:
        """Say whether a kernel is compiled for so many lanes, or can be before the time is up."""
        if self.seconds_left is None or (block.kernel, lanes) in self._seen:
            return True
        seconds = self.forecast.seconds(block.kernel, lanes)
        return seconds - self.since_begun(block, lanes) <= self.seconds_left()

    def since_begun(self, block: Block, lanes: int) -> float:
        """Return for how long code has been compiled ahead, or 0 if it was not begun ahead."""
        return time.monotonic() - self.opened if lanes in block.ahead else 0.0

    def _drop_uncompiled(self) -> None:
        """Drop the searches that wait for code which there is no time to compile."""
        for kernel in self.uncompiled:
            queue = self._queues[kernel]
            while len(queue):
                ticket = queue.pop().ticket
                self.dropped += not ticket.dropped
                ticket.dropped = True

    def _planned(self, block: Block) -> tuple[int, int] | None:
        """Choose how many jobs of its kernel a block takes, and how many lanes it has for them.

        On a CPU a block always has all its lanes. Vectorized lanes are as few as are enough, among
        the numbers for which code is compiled or can be in time. If there is no such number, the
        block takes fewer jobs. A block with more searches than blocks may have by now keeps its
        lanes.

        Returns:
            The numbers of new jobs and of lanes; None if there is no time to compile any code.
        """
        waiting, active, now = len(self._queues[block.kernel]), block.active, len(block.waiting)
        if block.kernel in self._postponed:
            waiting = 0  # more searches would need more memory
        share = max(-(-waiting // self.workers), 1 if active == 0 else 0)
        new = min(share, waiting, max(0, self.lanes - active))
        allowed = sizes(self.lanes)[::-1] if self.vectorized else (self.lanes,)
        large = [size for size in sorted({*allowed, now} - {0}) if size >= max(active, 1)]
        ready = [size for size in large if block.ready(size)]
        possible = ready or [size for size in large if self._in_time(block, size)]
        if not possible:
            return None
        if block.ahead and not ready:
            possible = possible[:1]  # its code will be there first
        lanes = next((size for size in possible if size >= active + new), possible[-1])
        return min(new, lanes - active), lanes

    def _age(self, block: Block, queue: JobQueue) -> tuple[int, int] | None:
        """Return the sort key of a block, the smaller the earlier; None if it has no work."""
        waiting = block.active + len(queue)
        if waiting == 0:
            return None
        oldest = min(x for x in (block.oldest, queue.oldest) if x is not None)
        return -min(waiting, self.lanes) if self.vectorized else 0, oldest


def _idle(blocks: list[Block]) -> Block | None:
    """Return the block with the most searches, among those without a device call under way."""
    idle = [block for block in blocks if not block.under_way]
    return max(idle, key=lambda block: block.active, default=None)
