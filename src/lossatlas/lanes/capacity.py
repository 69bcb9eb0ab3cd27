"""What an engine has: lanes, threads and devices."""

from typing import Any, NamedTuple


class Capacity(NamedTuple):
    """What an engine has.

    Attributes:
        lanes: lanes a kernel has on each worker.
        workers: threads that advance lanes.
        hosts: threads for host calls.
        vectorized: whether lanes take each step together; if not, an empty one costs nothing.
        devices: that workers use in turn.
    """

    lanes: int
    workers: int
    hosts: int
    vectorized: bool
    devices: tuple[Any, ...]

    @property
    def turns(self) -> int:
        """Blocks of a kernel on a worker: while the device advances one of two, the host is busy
        with the other. Where a worker has a core to itself there is nothing to be won."""
        return 2 if self.vectorized and self.lanes > 1 else 1

    @property
    def compiles_ahead(self) -> bool:
        """Whether code for all kernels and numbers of lanes is compiled at the start, at the same
        time: on graphics cards, where each compilation takes long and everything waits for it."""
        return self.vectorized and any(device.platform != "cpu" for device in self.devices)

    @property
    def under_way(self) -> int:
        """Device calls of a worker under way: of blocks of several kernels, so that the device has
        work for as long as the host hands out what came of one."""
        return 2 * self.turns if self.vectorized else 1
