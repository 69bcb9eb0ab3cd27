"""What is to be done next: the queues of an engine, and which job a worker takes.

Nothing here knows of threads: a session calls all of it with its lock held. What is done for the
oldest search comes first, so that results come nearly in the order of submission.
"""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from lossatlas.lanes.blocks import Block, Job, sizes
from lossatlas.lanes.compilation import Forecast
from lossatlas.lanes.requests import HostCall, Kernel, Search


class Ready(NamedTuple):
    """A search that can go on: its place in the queue, and what it is handed."""

    position: int
    search: Search
    value: Any


Blocks: TypeAlias = dict[Kernel, list[Block]]
"""The blocks of a worker: of each kernel one, or two in turn."""


class Call(NamedTuple):
    """A device call to be made.

    Attributes:
        block: whose lanes are advanced.
        new: jobs to begin in its empty lanes.
        lanes: that it is to have.
        first: whether its code is compiled now.
    """

    block: Block
    new: list[Job]
    lanes: int
    first: bool


class JobQueue:
    """Jobs, those of the oldest search first.

    Examples:
        >>> queue = JobQueue()
        >>> queue.push(7, "later"), queue.push(3, "first"), queue.push(3, "second")
        (None, None, None)
        >>> len(queue), queue.oldest, queue.pop(), queue.pop(), queue.pop(), queue.oldest
        (3, 3, 'first', 'second', 'later', None)
    """

    def __init__(self) -> None:
        """Empty."""
        self._heap: list[tuple[int, int, Any]] = []  # numbers differ
        self._numbers = count()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._heap)

    @property
    def oldest(self) -> int | None:
        """The position of the oldest search with a job here; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def push(self, position: int, job: Any) -> None:
        """One more, of the search at this position."""
        heapq.heappush(self._heap, (position, next(self._numbers), job))

    def pop(self) -> Any:
        """The first of the oldest search."""
        return heapq.heappop(self._heap)[2]


class Schedule:
    """The jobs that wait, by kernel, and which kernels are compiled, or may be.

    Args:
        workers: how many share the jobs of a kernel.
        lanes: of each block at most.
        vectorized: whether an empty lane costs as much as any, so that blocks have fewer lanes
            where these will do.
        forecast: how long a compilation will take.
        seconds_left: until the time is up; None without a limit.

    Attributes:
        ready: searches that can go on, the oldest first.
        host_calls: pairs of a host call and its job.
        uncompiled: kernels there is no time to compile, and how many seconds each would take.
        dropped: searches that wait for one of them.
    """

    def __init__(
        self,
        workers: int,
        lanes: int,
        vectorized: bool,
        forecast: Forecast,
        seconds_left: Callable[[], float] | None,
    ) -> None:
        """Nothing waits."""
        self.workers, self.lanes, self.vectorized = workers, lanes, vectorized
        self.forecast, self.seconds_left = forecast, seconds_left
        self.ready: list[Ready] = []  # a heap: positions differ
        self.host_calls = JobQueue()
        self.uncompiled: dict[Kernel, float] = {}
        self.dropped = 0
        self._queues: dict[Kernel, JobQueue] = {}
        self._seen: set[tuple[Kernel, int]] = set()
        self._compiling: set[Kernel] = set()

    def push_ready(self, ready: Ready) -> None:
        """A search can go on."""
        heapq.heappush(self.ready, ready)

    def pop_ready(self) -> Ready | None:
        """The oldest search that can go on."""
        return heapq.heappop(self.ready) if self.ready else None

    def push(self, kernel: Kernel, job: Job) -> None:
        """A job for a kernel."""
        self._queues.setdefault(kernel, JobQueue()).push(job.ticket.position, job)

    def push_host_call(self, host: HostCall, job: Job) -> None:
        """A job for a host call."""
        self.host_calls.push(job.ticket.position, (host, job))

    def kernels(self) -> list[Kernel]:
        """All kernels that were asked for."""
        return list(self._queues)

    def halve(self, lanes: int) -> None:
        """Blocks of so many lanes do not fit into the memory: use half as many."""
        self.lanes = max(1, min(self.lanes, lanes // 2))

    def next_call(self, blocks: Blocks) -> Call | None:
        """The device call that a worker with these blocks makes next; None: there is none.

        It is that of the kernel that the oldest search waits for. On a CPU an empty lane costs
        nothing, so the oldest search goes first. Of vectorized lanes full ones go first.
        """
        self._drop_uncompiled()
        ages = {
            block: age
            for kernel, queue in self._queues.items()
            if kernel not in self._compiling
            and (block := _idle(blocks[kernel])) is not None
            and (age := self._age(block, queue)) is not None
        }
        if not ages:
            return None
        block = min(ages, key=lambda block: ages[block])
        kernel = block.kernel
        new = self._share(block)
        lanes = self._lanes_for(block, new)
        if not self._in_time(kernel, lanes):
            self.uncompiled[kernel] = self.forecast.seconds(kernel, lanes)
            return self.next_call(blocks)
        first = (kernel, lanes) not in self._seen
        if first:
            # One worker compiles a kernel; meanwhile the others do something else.
            self._seen.add((kernel, lanes))
            self._compiling.add(kernel)
        return Call(block, [self._queues[kernel].pop() for _ in range(new)], lanes, first)

    def compiled(self, call: Call, seconds: float) -> None:
        """The code for a call is compiled; it returned after so many seconds."""
        self.forecast.note(call.block.kernel, call.lanes, seconds)
        self._compiling.discard(call.block.kernel)

    def _in_time(self, kernel: Kernel, lanes: int) -> bool:
        """Whether a kernel is compiled for so many lanes, or will be before the time is up."""
        if self.seconds_left is None or (kernel, lanes) in self._seen:
            return True
        return self.forecast.seconds(kernel, lanes) <= self.seconds_left()

    def _drop_uncompiled(self) -> None:
        """Drop the searches that wait for code there is no time to compile."""
        for kernel in self.uncompiled:
            queue = self._queues[kernel]
            while len(queue):
                ticket = queue.pop().ticket
                self.dropped += not ticket.dropped
                ticket.dropped = True

    def _share(self, block: Block) -> int:
        """How many jobs of its kernel a block takes, as far as there are empty lanes."""
        waiting, active = len(self._queues[block.kernel]), block.active
        share = -(-waiting // self.workers)
        room = max(0, self.lanes - active)
        return min(room, max(share, 1 if active == 0 else 0), waiting)

    def _lanes_for(self, block: Block, new: int) -> int:
        """Lanes that a block is to have: on a CPU all, otherwise the fewest that will do.

        More, where there is no time to compile the code for these. A block with more searches than
        a block may have by now keeps its lanes.
        """
        needed, now = block.active + new, len(block.waiting)
        if not self.vectorized:
            return max(self.lanes, now)
        fits = [size for size in reversed(sizes(self.lanes)) if size >= needed] or [now]
        in_time = (size for size in fits if self._in_time(block.kernel, size))
        return next(in_time, max(now, fits[0]))

    def _age(self, block: Block, queue: JobQueue) -> tuple[int, int] | None:
        """Sort key of a block with work; None if it has none."""
        positions = [job.ticket.position for job in block.waiting if job is not None]
        waiting = len(positions) + len(queue)
        if queue.oldest is not None:
            positions.append(queue.oldest)
        if not positions:
            return None
        return -min(waiting, self.lanes) if self.vectorized else 0, min(positions)


def _idle(blocks: list[Block]) -> Block | None:
    """The fullest block that no device call is under way for."""
    idle = [block for block in blocks if not block.under_way]
    return max(idle, key=lambda block: block.active, default=None)
