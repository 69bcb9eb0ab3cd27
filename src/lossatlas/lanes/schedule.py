"""What is to be done next: the queues of an engine, and which job a worker takes.

Nothing here knows of threads: a session calls all of it with its lock held. What is done for the
oldest search comes first, so that results come nearly in the order of submission.
"""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from lossatlas.lanes.blocks import Block, Job
from lossatlas.lanes.compilation import Forecast
from lossatlas.lanes.requests import HostCall, Kernel, Search


class Ready(NamedTuple):
    """A search that can go on: its place in the queue, and what it is handed."""

    position: int
    search: Search
    value: Any


Blocks: TypeAlias = dict[Kernel, Block]


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
        lanes: of each block.
        on_cpu: whether an empty lane costs nothing.
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
        on_cpu: bool,
        forecast: Forecast,
        seconds_left: Callable[[], float] | None,
    ) -> None:
        """Nothing waits."""
        self.workers, self.lanes, self.on_cpu = workers, lanes, on_cpu
        self.forecast, self.seconds_left = forecast, seconds_left
        self.ready: list[Ready] = []  # a heap: positions differ
        self.host_calls = JobQueue()
        self.uncompiled: dict[Kernel, float] = {}
        self.dropped = 0
        self._queues: dict[Kernel, JobQueue] = {}
        self._seen: set[Kernel] = set()
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

    def next_kernel(self, blocks: Blocks) -> tuple[Kernel, list[Job]] | None:
        """A kernel, and the jobs for the empty lanes of a worker with these blocks.

        The kernel is the one that the oldest search waits for. On a CPU an empty lane costs
        nothing, so the oldest search goes first. On a GPU full lanes go first.
        """
        self._drop_uncompiled()
        ages = {
            kernel: age
            for kernel, queue in self._queues.items()
            if kernel not in self._compiling
            and (age := self._age(blocks[kernel], queue)) is not None
        }
        if not ages:
            return None
        kernel = min(ages, key=lambda k: ages[k])
        if not self._in_time(kernel):
            return self.next_kernel(blocks)
        if kernel not in self._seen:
            # One worker compiles a kernel; meanwhile the others do something else.
            self._seen.add(kernel)
            self._compiling.add(kernel)
        return kernel, self._jobs_for(blocks[kernel], self._queues[kernel])

    def is_being_compiled(self, kernel: Kernel) -> bool:
        """Whether a worker compiles it now."""
        return kernel in self._compiling

    def compiled(self, kernel: Kernel, seconds: float) -> None:
        """A worker has compiled a kernel, in so many seconds."""
        self.forecast.note(kernel, seconds)
        self._compiling.discard(kernel)

    def _in_time(self, kernel: Kernel) -> bool:
        """Whether a kernel is compiled, or will be before the time is up."""
        if self.seconds_left is None or kernel in self._seen:
            return True
        needed = self.forecast.seconds(kernel)
        if needed > self.seconds_left():
            self.uncompiled[kernel] = needed
        return kernel not in self.uncompiled

    def _drop_uncompiled(self) -> None:
        """Drop the searches that wait for code there is no time to compile."""
        for kernel in self.uncompiled:
            queue = self._queues[kernel]
            while len(queue):
                ticket = queue.pop().ticket
                self.dropped += not ticket.dropped
                ticket.dropped = True

    def _jobs_for(self, block: Block, queue: JobQueue) -> list[Job]:
        """A worker's share of the queue, as far as there are empty lanes."""
        share = -(-len(queue) // self.workers)
        active = block.active
        room = len(block.waiting) - active
        take = min(room, max(share, 1 if active == 0 else 0), len(queue))
        return [queue.pop() for _ in range(take)]

    def _age(self, block: Block, queue: JobQueue) -> tuple[int, int] | None:
        """Sort key of a kernel with work; None if it has none."""
        positions = [job.ticket.position for job in block.waiting if job is not None]
        waiting = len(positions) + len(queue)
        if queue.oldest is not None:
            positions.append(queue.oldest)
        if not positions:
            return None
        return 0 if self.on_cpu else -min(waiting, self.lanes), min(positions)
