"""The folder of compiled code: where it is, and the removal of broken entries.

JAX never replaces an entry. If a crash has cut one short, its code would be compiled in every run
from then on. `tidy` removes such entries before JAX reads the folder.
"""

import hashlib
import os
import platform
import tempfile
import time
import zlib
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from lossatlas.errors import BadInputError

VARIABLE = "LOSSATLAS_CACHE"
"""Environment variable that names another folder for caches; if it is empty, there is none."""

LARGEST = 2**30
"""Largest size of all compiled code in bytes; the oldest entries are removed first."""

STAMP = "checked"
"""Name of the file whose modification time tells when entries were checked last."""

MARGIN = 60.0
"""Entries are checked again if they were written less than so many seconds before the last check,
since they may not have been complete then."""

ZSTANDARD_MAGIC = b"\x28\xb5\x2f\xfd"


def cache_folder(version: str) -> Path | None:
    """Return a writable folder for code that is compiled on this kind of CPU.

    Args:
        version: name and version of the compiler, a part of the name of the folder.

    Returns:
        The folder, which is created if necessary; None if the environment variable
        ``LOSSATLAS_CACHE`` is empty, or if no folder can be written.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen == "":
        return None
    import platformdirs

    root = Path(chosen or platformdirs.user_cache_dir("lossatlas", appauthor=False)).expanduser()
    folder = root / "xla" / f"{version}-{_cpu()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a cache only saves time, so everything works without one
        return None


def writable_folder(path: str | Path) -> Path:
    """Return a folder that a user has chosen, and create it if it does not exist.

    Args:
        path: path of the folder; ``~`` is expanded.

    Raises:
        BadInputError: if the folder cannot be created or written.
    """
    folder = Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        problem = f"compiled code cannot be kept there ({error.strerror})"
        raise BadInputError(str(path), problem, "give another folder, or False") from error


def tidy(folder: Path) -> None:
    """Remove entries that are cut short, and the oldest ones beyond `LARGEST` bytes.

    Only entries that were written since the last check are read, because others do not change.

    Args:
        folder: the folder of compiled code.
    """
    stamp = folder / STAMP
    checked_until = _written(stamp) - MARGIN
    begun = time.time()
    total = 0
    for entry in sorted(folder.glob("*-cache"), key=_written, reverse=True):
        try:
            total += entry.stat().st_size
            new = _written(entry) >= checked_until
            if total > LARGEST or (new and not _is_whole(entry.read_bytes())):
                entry.unlink()
        except OSError:  # another program has removed it, or it belongs to another user
            continue
    with suppress(OSError):  # on a full disk all entries are read again the next time
        stamp.touch()
        os.utime(stamp, (begun, begun))


def _written(file: Path) -> float:
    """Return the modification time of a file in seconds; 0 if it does not exist."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _is_whole(content: bytes) -> bool:
    """Say whether an entry, compressed by whichever library JAX found, can be decompressed."""
    try:
        if content.startswith(ZSTANDARD_MAGIC):
            _zstandard().decompress(content)
        else:
            zlib.decompress(content)
    except Exception:  # each library has errors of its own, which all mean the same here
        return False
    return True


def _zstandard():
    try:
        return import_module("compression.zstd")
    except ImportError:
        return import_module("zstandard")


def _cpu() -> str:
    """Return a short name of the CPU and its instruction sets, which compiled code depends on."""
    description = f"{platform.machine()} {platform.processor()}"
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        kept = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
        description += "".join(sorted(kept))
    except OSError:  # other systems than Linux: only the names above are known
        pass
    return f"{platform.machine()}-{hashlib.sha256(description.encode()).hexdigest()[:12]}"
