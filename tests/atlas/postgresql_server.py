"""A PostgreSQL server of one's own: a cluster in a temporary folder, reached by a socket in it."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def server() -> Iterator[str]:
    """The URL of an administrator's database on a new server, which is stopped and removed."""
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

    data = str(folder / "data")
    settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    try:
        call("initdb", "-D", data, "-U", owner, "-A", "trust", "-E", "UTF8", "--no-sync")
        call("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield f"postgresql+psycopg://{owner}@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
