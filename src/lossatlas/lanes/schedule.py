"""What is to be done next: the queues of an engine, and which job a worker takes.

Nothing here knows of threads: a session calls all of it with its lock held. What is done for the
oldest search comes first, so that results come nearly in the order of submission.
"""

import heapq
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Literal, NamedTuple, TypeAlias

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
        self._postponed: set[Kernel] = set()

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

    def out_of_memory(
        self, call: Call, held: Sequence[int]
    ) -> Literal["halved", "waiting", "hopeless"]:
        """A call did not fit into the memory; its searches are queued to begin anew.

        Blocks have half as many lanes from now on. What other blocks hold is given back as they run
        empty: while there are any, empty blocks of the kernel wait until another call is finished,
        and lanes are not halved again before all blocks have as few.

        Args:
            call: the call.
            held: how many lanes each other block of its worker has that has searches in it.

        Returns:
            What is done about it; ``"hopeless"`` where a single search does not fit though alone.
        """
        kernel = call.block.kernel
        for job in call.block.abandon():
            self.push(kernel, job)
        if not held and call.lanes == 1:
            return "hopeless"
        if held:
            self._postponed.add(kernel)
        else:
            self._postponed.clear()  # none of them waits for another any more
        if call.lanes == 1 or max(held, default=0) > self.lanes:
            return "waiting"
        self.lanes = max(1, min(self.lanes, call.lanes // 2))
        return "halved"

    def finished(self) -> bool:
        """A call is finished, and there may be memory again; whether a kernel has waited for it."""
        waited = bool(self._postponed)
        self._postponed.clear()
        return waited

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

    def _planned(self, block: Block) -> tuple[int, int] | None:
        """How many jobs of its kernel a block takes, and how many lanes it is to have for them.

        On a CPU it has all of them, otherwise the fewest that will do, of those for which the code
        is there or can be compiled in time. Where there is no time for as many as are needed it
        takes fewer jobs, and where code is compiled ahead as many as that which is there allows;
        None if there is no time for any. A block with more searches than blocks may have by now
        keeps its lanes.
        """
        waiting, active, now = len(self._queues[block.kernel]), block.active, len(block.waiting)
        if block.kernel in self._postponed:
            waiting = 0  # more searches would need more memory
        share = max(-(-waiting // self.workers), 1 if active == 0 else 0)
        new = min(share, waiting, max(0, self.lanes - active))
        allowed = sizes(self.lanes)[::-1] if self.vectorized else (self.lanes,)
        large = [size for size in sorted({*allowed, now} - {0}) if size >= max(active, 1)]
        ready = [size for size in large if block.ready(size)]
        possible = ready or [size for size in large if self._in_time(block.kernel, size)]
        if not possible:
            return None
        lanes = next((size for size in possible if size >= active + new), possible[-1])
        return min(new, lanes - active), lanes

    def _age(self, block: Block, queue: JobQueue) -> tuple[int, int] | None:
        """Sort key of a block with work; None if it has none."""
        waiting = block.active + len(queue)
        if waiting == 0:
            return None
        oldest = min(x for x in (block.oldest, queue.oldest) if x is not None)
        return -min(waiting, self.lanes) if self.vectorized else 0, oldest


def _idle(blocks: list[Block]) -> Block | None:
    """The fullest block that no device call is under way for."""
    idle = [block for block in blocks if not block.under_way]
    return max(idle, key=lambda block: block.active, default=None)
