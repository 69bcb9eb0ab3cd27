"""Who makes the device calls of a worker: the worker itself, or a thread of the device.

A graphics card tells the processor after each step of a loop whether the loop goes on, so a call
returns only when it is over. A worker that made such calls itself would wait for the card while
results are to be handed out. A thread of the device waits instead, and makes one call after the
other without a pause as long as the worker has begun the next one in time.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import jax


class DeviceThread:
    """Makes the device calls of one worker, in the order in which they were begun.

    Args:
        device: to compute on; None for the one that JAX prefers.
        apart: whether calls are made in a thread of their own; if not, `begin` returns when the
            call does.

    Examples:
        >>> calls = DeviceThread(apart=True)
        >>> calls.begin(lambda: 6 * 7).result()
        42
        >>> calls.close()
    """

    def __init__(self, device: Any = None, *, apart: bool) -> None:
        """No call yet."""
        self._device = device
        self._thread = ThreadPoolExecutor(1, "device-calls") if apart else None

    def begin(self, call: Callable[[], Any]) -> "Future[Any]":
        """Make a call as soon as those before it are over; what it raises, its result raises."""
        if self._thread is not None:
            return self._thread.submit(self._made, call)
        made: Future[Any] = Future()
        try:
            made.set_result(call())
        except Exception as error:
            made.set_exception(error)
        return made

    def close(self) -> None:
        """Make no more calls; those not begun yet are dropped, and none is waited for."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _made(self, call: Callable[[], Any]) -> Any:
        """What a call gives, with what JAX has to know in every thread."""
        where = nullcontext() if self._device is None else jax.default_device(self._device)
        with jax.enable_x64(True), where:
            return call()
