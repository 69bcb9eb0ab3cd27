"""Signals that ask the program to end: batch systems, `kill`, a closed terminal, Ctrl-C.

The first one is what Ctrl-C is to a Python program, a `KeyboardInterrupt`: what was found is
committed, and the program says how it ended. A second one ends the program at once. Only the
command line does this; the library installs nothing.
"""

import _thread
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Those of them that the operating system has are handled."""

AGAIN = 0.05
"""Seconds until an interrupt that came at a bad moment is raised again."""

_received: list[signal.Signals] = []


def install() -> None:
    """Handle the signals from now on, except those that are ignored (`nohup`)."""
    for number in _handled():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _raise_again


def stopped_by() -> str:
    """How the program was asked to end, for messages."""
    received = _first()
    return "interrupted" if received == signal.SIGINT else f"stopped by {received.name}"


def exit_code() -> int:
    """The exit code by which shells know the signal: 130 for Ctrl-C, 143 for SIGTERM ..."""
    return 128 + _first()


def leave(code: int) -> NoReturn:
    """End the process with this exit code.

    Worker threads that are still compiling are not waited for: that can take longer than a batch
    system grants.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, full, or not there
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
    """Python drops an exception inside a destructor or a callback; drop no interrupt."""
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
        signal.pthread_kill(main, _first())  # also ends a wait of the main thread
    else:
        _thread.interrupt_main(_first())
