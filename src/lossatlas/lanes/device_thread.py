"""The device calls of a worker, made by the worker itself or in a thread of their own.

The processor has to learn after each step of a loop whether the loop goes on, so a call returns
only when its work on a graphics card is done. A worker that made such calls itself would wait for
the card while results are ready to be handed out. Therefore a separate thread waits. It makes one
call after the other without a pause if the worker begins the next one in time.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from threading import Lock
from typing import Any

import jax

from lossatlas.landscape.device import device as preferred

_ONE_AT_A_TIME = Lock()
"""The lock that calls of vectorized lanes hold on a CPU. XLA divides the eigenvalue problems of a
call among a few threads that all calls share, and two calls at once can wait for each other for
ever. One alone uses all cores."""


class DeviceThread:
    """Makes the device calls of one worker, in the order in which they were begun.

    Args:
        device: the device to compute on; default None, the one that JAX prefers.
        apart: whether calls are made in a thread of their own; otherwise `begin` makes the call
            and returns when it is done.

    Examples:
        >>> calls = DeviceThread(apart=True)
        >>> calls.begin(lambda: 6 * 7).result()
        42
        >>> calls.close()
    """

    def __init__(self, device: Any = None, *, apart: bool) -> None:
        """Start the thread, if calls are made in one."""
        self._device = device
        on_cpu = (device or preferred()).platform == "cpu"
        self._turn = _ONE_AT_A_TIME if on_cpu else nullcontext()
        self._thread = ThreadPoolExecutor(1, "device-calls") if apart else None

    def begin(self, call: Callable[[], Any]) -> "Future[Any]":
        """Make a call as soon as those before it are done.

        Args:
            call: the function to be called.

        Returns:
            A future with its result, or with the exception that it has raised.
        """
        if self._thread is not None:
            return self._thread.submit(self._made, call)
        made: Future[Any] = Future()
        try:
            made.set_result(call())
        except Exception as error:
            made.set_exception(error)
        return made

    def close(self) -> None:
        """Make no more calls: those not begun yet are dropped, and the present one goes on."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _made(self, call: Callable[[], Any]) -> Any:
        """Make a call with the settings that JAX needs in every thread."""
        where = nullcontext() if self._device is None else jax.default_device(self._device)
        with jax.enable_x64(True), where, self._turn:
            return call()
