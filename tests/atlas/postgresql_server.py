"""A PostgreSQL server of one's own: a cluster in a temporary folder, reached by a socket in it."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

DEBIAN = Path("/usr/lib/postgresql")
UNPRIVILEGED = "nobody"
"""Who runs the server where the tests are run by root, which PostgreSQL refuses."""


def why_none() -> str | None:
    """What is missing for a server, None if nothing is."""
    if sys.platform == "win32":
        return "a server is started on Unix only: set LOSSATLAS_POSTGRESQL to the URL of one"
    if importlib.util.find_spec("psycopg") is None:
        return "no driver: pip install 'lossatlas[postgres]'"
    if _binary("initdb") is None or _binary("pg_ctl") is None:
        return "no initdb and pg_ctl: install PostgreSQL, e.g. apt-get install postgresql"
    return None


def _binary(name: str) -> str | None:
    versions = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(versions[-1]) if versions else shutil.which(name)


class Server(NamedTuple):
    """A server of our own.

    Attributes:
        url: of an administrator's database.
        call: runs one of its programs.
        folder: with its data, its socket and its log.
    """

    url: str
    call: Callable[..., None]
    folder: Path

    def start(self) -> None:
        log = str(self.folder / "log")
        settings = f"-c unix_socket_directories={self.folder} -c fsync=off"
        options = f"-c listen_addresses='' {settings}"
        self.call("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self.call("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def restart(self, mode: str = "immediate", pause: float = 0.0) -> None:
        """Stop it, wait, and start it; immediate is as if it had been killed."""
        self.stop(mode)
        time.sleep(pause)
        self.start()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")


@contextmanager
def server() -> Iterator[str]:
    """The URL of an administrator's database on a new server, which is stopped and removed."""
    with restartable() as started:
        yield started.url


@contextmanager
def restartable() -> Iterator[Server]:
    """A new server, which is stopped and removed."""
    import pwd  # not on Windows

    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # sockets need short paths
    user = UNPRIVILEGED if os.getuid() == 0 else None
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    owner = user or pwd.getpwuid(os.getuid()).pw_name

    def call(name: str, *arguments: str) -> None:
        command = [str(_binary(name)), *arguments]
        ran = subprocess.run(command, user=user, cwd=folder, capture_output=True, text=True)
        log = folder / "log"
        said = log.read_text() if log.exists() else ""
        assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}{said}"

    started = Server(f"postgresql+psycopg://{owner}@/postgres?host={folder}", call, folder)
    data = str(folder / "data")
    try:
        call("initdb", "-D", data, "-U", owner, "-A", "trust", "-E", "UTF8", "--no-sync")
        started.start()
        try:
            yield started
        finally:
            started.stop()
    finally:
        shutil.rmtree(folder)
