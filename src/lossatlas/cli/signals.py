"""Signals that ask the program to end, from batch systems, `kill`, a closed terminal or Ctrl-C.

The first signal raises a `KeyboardInterrupt`, as Ctrl-C does in any Python program: what was found
is committed, and the program says how it ended. A second signal ends the program at once. Only the
command line handles signals; the library installs no handlers.
"""

import _thread
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Names of the signals that are handled, as far as the operating system has them."""

AGAIN = 0.05
"""Seconds until an interrupt that Python has dropped is raised again."""

_received: list[signal.Signals] = []
"""The first signal that was received, if any."""


def install() -> None:
    """Handle the signals from now on, except those that are ignored, as under `nohup`."""
    for number in _handled():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _raise_again


def stopped_by() -> str:
    """How the program was asked to end, in words, for messages."""
    received = _first()
    return "interrupted" if received == signal.SIGINT else f"stopped by {received.name}"


def exit_code() -> int:
    """The exit code that stands for the signal in shells, such as 130 for Ctrl-C."""
    return 128 + _first()


def leave(code: int) -> NoReturn:
    """End the process with an exit code.

    It does not wait for threads that are still compiling, since that can take longer than a batch
    system allows.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # It may be closed, full or missing.
            stream.flush()
    names = [thread.name for thread in threading.enumerate()]
    if any(name.startswith(("lanes-", "device-calls", "compilation")) for name in names):
        os._exit(code)
    sys.exit(code)


def _handled() -> list[signal.Signals]:
    return [signal.Signals(getattr(signal, name)) for name in NAMES if hasattr(signal, name)]


def _first() -> signal.Signals:
    return _received[0] if _received else signal.SIGINT


def _stop(number: int, _frame: object) -> NoReturn:
    for other in _handled():
        if signal.getsignal(other) is _stop:
            signal.signal(other, signal.SIG_DFL)
    if not _received:
        _received.append(signal.Signals(number))
    raise KeyboardInterrupt


def _raise_again(swallowed: Any) -> None:
    """Raise an interrupt again that Python has dropped inside of a destructor or a callback."""
    if swallowed.exc_type is not KeyboardInterrupt or not _received:
        sys.__unraisablehook__(swallowed)
        return
    signal.signal(_first(), _stop)
    again = threading.Timer(AGAIN, _send_again)
    again.daemon = True
    again.start()


def _send_again() -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, _first())  # This also ends a wait of the main thread.
    else:
        _thread.interrupt_main(_first())
