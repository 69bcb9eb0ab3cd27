"""The first signal is Ctrl-C, the second ends the program at once, and none is lost."""

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")

PROGRAM = """
import os, signal, sys, threading, time
from lossatlas.cli import signals

number, case = signal.Signals[sys.argv[1]], sys.argv[2]
usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
# Whoever runs the tests in the background may have them ignored.
signal.signal(number, signal.SIG_IGN if case == "ignored" else usual)
signals.install()


class Destructor:
    def __del__(self):
        os.kill(os.getpid(), number)
        time.sleep(0.01)  # Python drops the exception that is raised here


try:
    if case == "destructor":
        thing = Destructor()
        del thing
        time.sleep(20)
    os.kill(os.getpid(), number)
    time.sleep(0.1)
    print("went on")
except KeyboardInterrupt:
    print(signals.stopped_by(), signals.exit_code(), flush=True)
if case == "twice":
    os.kill(os.getpid(), number)
    time.sleep(20)
if case == "compiling":
    threading.Thread(target=time.sleep, args=(20,), name="lanes-0").start()
signals.leave(7)
"""


def ended(name: str, case: str = "once") -> tuple[int, str, str]:
    command = [sys.executable, "-c", PROGRAM, name, case]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=15)
    return ran.returncode, ran.stdout.strip(), ran.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SIGINT", "interrupted 130"),
        ("SIGTERM", "stopped by SIGTERM 143"),
        ("SIGHUP", "stopped by SIGHUP 129"),
    ],
)
def test_each_signal(name, said):
    assert ended(name) == (7, said, "")


def test_a_second_one_ends_at_once():
    assert ended("SIGTERM", "twice") == (-signal.SIGTERM, "stopped by SIGTERM 143", "")


def test_one_that_python_swallows_is_raised_again():
    assert ended("SIGTERM", "destructor") == (7, "stopped by SIGTERM 143", "")


def test_one_that_is_ignored_stays_ignored():
    assert ended("SIGHUP", "ignored") == (7, "went on", "")


def test_a_worker_that_compiles_is_not_waited_for():
    assert ended("SIGTERM", "compiling") == (7, "stopped by SIGTERM 143", "")
