"""The folder of compiled code: where it is, and that nothing in it is broken.

JAX writes an entry in place and never replaces one, so an entry cut short by a crash would cost
its compilation in every run from then on. `tidy` removes such entries before JAX looks.
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
"""Environment variable: another folder for caches; empty for none."""

LARGEST = 2**30
"""Bytes of compiled code kept; the oldest entries go first."""

STAMP = "checked"
"""The file whose time says when entries were checked last."""

MARGIN = 60.0
"""Seconds before it that entries are checked again: they may have been in the making."""

ZSTANDARD_MAGIC = b"\x28\xb5\x2f\xfd"


def cache_folder(version: str) -> Path | None:
    """A writable folder for code compiled by this version for this CPU; None if there is none."""
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
    except OSError:  # a cache saves time, nothing else: go on without
        return None


def writable_folder(path: str | Path) -> Path:
    """A folder that a user has chosen, made if it is not there.

    Raises:
        BadInputError: if it cannot be written.
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
    """Remove entries that are cut short, and the oldest of more than `LARGEST` bytes.

    Entries that were whole the last time stay whole: only those written since are read.
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
        except OSError:  # removed by another program meanwhile, or not ours
            continue
    with suppress(OSError):  # a full disk: all are read again the next time
        stamp.touch()
        os.utime(stamp, (begun, begun))


def _written(file: Path) -> float:
    """When, in seconds; 0 if there is no such file."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _is_whole(content: bytes) -> bool:
    """Whether an entry, compressed with whatever JAX found installed, can be unpacked."""
    try:
        if content.startswith(ZSTANDARD_MAGIC):
            _zstandard().decompress(content)
        else:
            zlib.decompress(content)
    except Exception:  # each library has its own errors, and all mean the same here
        return False
    return True


def _zstandard():
    try:
        return import_module("compression.zstd")
    except ImportError:
        return import_module("zstandard")


def _cpu() -> str:
    """A short name of the CPU with its instruction sets: compiled code is for no other."""
    description = f"{platform.machine()} {platform.processor()}"
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        kept = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
        description += "".join(sorted(kept))
    except OSError:  # no Linux: the name above must do
        pass
    return f"{platform.machine()}-{hashlib.sha256(description.encode()).hexdigest()[:12]}"
