"""Inspect an SQLite file before it is opened, by its first bytes and the files beside it.

SQLite reads a file in write-ahead mode only with the files ``-wal`` and ``-shm`` beside it, which
it creates if they are missing. If they cannot be created, `private_copy` makes a copy that can be
opened. (SQLite's own solution, to declare the file immutable, gives wrong results as soon as
another program writes to the file.)

On POSIX systems, a process that closes any descriptor of a file loses all locks that it holds on
the file, including those of SQLite. Another program would then take itself for the last one, and
delete the log to which this one writes. Therefore a file that this process has open is never opened
a second time here (`Use`).
"""

import os
import shutil
import struct
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from weakref import WeakSet

from lossatlas.errors import AtlasError, BadInputError

MAGIC = b"SQLite format 3\0"
HEADER = 100
"""Number of bytes of the header of an SQLite file."""
LOG_MAGICS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
"""The first bytes of the files ``-wal`` (in two byte orders) and ``-journal``."""
LOGS = ("-wal", "-journal")
COPY_DELAYS = (0.0, 0.5, 2.0)
"""Seconds before each try to copy a file that another program is changing."""


_GUARD = threading.Lock()
_USES: "dict[str, WeakSet[Use]]" = {}
"""The uses of each file in this process. They are weak references, so that an atlas that was never
closed does not count."""


@dataclass(frozen=True, eq=False)
class Use:
    """A file that this process has open.

    Attributes:
        path: path of the file, absolute and without symbolic links.
        file: device and inode number of the file; None if it did not exist yet.
        head: the first bytes of the file before it was opened; empty if it did not exist yet.
    """

    path: str
    file: tuple[int, int] | None
    head: bytes


class Place(NamedTuple):
    """An SQLite file as it was found before it was opened.

    Attributes:
        path: path of the file.
        write_ahead: whether the header says that the file is in write-ahead mode.
        log: whether a file ``-wal`` or ``-journal`` with content is beside it.
        shared: whether the file ``-shm`` is beside it, which all programs that have it open share.
        writable: whether the file and its folder can be written.
        use: the use of the file, which `end_use` has to end after the file was closed.
    """

    path: Path
    write_ahead: bool
    log: bool
    shared: bool
    writable: bool
    use: Use

    @property
    def without_log(self) -> bool:
        """Whether a program had it open when it was last written, but its log is missing."""
        return self.write_ahead and not self.log

    @property
    def needs_copy(self) -> bool:
        """Whether SQLite cannot read the file where it is, as it would have to write there."""
        if self.writable:
            return False
        whole = _size(beside(self.path, "-wal")) is not None and self.shared
        return not whole if self.write_ahead else self.log


def inspect_file(path: Path, may_create: bool) -> Place:
    """Inspect a path that is to be opened as an SQLite file; nothing is changed.

    Args:
        path: path of the file.
        may_create: whether the file may be missing or empty.

    Raises:
        BadInputError: there is no SQLite file at the path, only a part of one, or it cannot be
            read.
    """
    try:
        return _inspected(path, may_create)
    except PermissionError as error:
        remedy = "ask its owner for the permission to read it, or copy it"
        raise BadInputError(str(path), "you may not read it", remedy) from error
    except OSError as error:
        raise BadInputError(str(path), str(error.strerror), "make it readable") from error


def private_copy(place: Place) -> tempfile.TemporaryDirectory:
    """Copy a file and its log to a new temporary folder, under the same names.

    Raises:
        AtlasError: another program keeps changing the file, it or its log may not be read, or there
            is too little space.
    """
    folder = tempfile.TemporaryDirectory(prefix="lossatlas-")
    try:
        for delay in COPY_DELAYS:
            time.sleep(delay)
            before = _state(place.path)
            for file in (place.path, *(beside(place.path, end) for end in LOGS)):
                if file.exists():
                    shutil.copyfile(file, Path(folder.name, file.name))
            if _state(place.path) == before:
                return folder
    except OSError as error:
        folder.cleanup()
        folder_of_it = Path(error.filename or tempfile.gettempdir()).parent
        if isinstance(error, PermissionError) and folder_of_it == place.path.parent:
            remedy = "ask its owner for the permission to read it"
            raise AtlasError(f"{error.filename}: you may not read it; {remedy}") from error
        problem = f"it cannot be copied to {tempfile.gettempdir()} to be read ({error.strerror})"
        raise AtlasError(f"{place.path}: {problem}; set TMPDIR to another folder") from error
    folder.cleanup()
    raise AtlasError(f"{place.path}: another program is changing it; run again when it has ended")


def beside(path: Path, ending: str) -> Path:
    """The path with ``-wal``, ``-shm`` or ``-journal`` added to the name of the file."""
    return path.with_name(path.name + ending)


def refuse_without_log(place: Place) -> None:
    """Refuse a file without tables that was copied while a program had it open.

    Raises:
        BadInputError: the log of the file is missing; the message gives its name.
    """
    if place.without_log:
        log = beside(place.path, "-wal").name
        problem = (
            f"there is no atlas in it: it was copied, moved or renamed while a program had it "
            f"open, and what was found is in the file {log} of the original, which is missing here"
        )
        remedy = f"copy both files, the second one as {log}, or end the exploration and copy again"
        raise BadInputError(str(place.path), problem, remedy)


def refuse_if_gone(path: Path, before: tuple[int, int] | None) -> tuple[int, int] | None:
    """Refuse to write to a file that was moved, deleted or replaced.

    SQLite would go on writing to the file that it has open, where nobody would find the data.

    Args:
        path: path of the file.
        before: device and inode number of the file when it was last written to; None if it was not
            written to before.

    Returns:
        Device and inode number of the file now; None if there is no file yet.

    Raises:
        AtlasError: the file is no longer there, or another file is in its place.
    """
    found = _stat(path)
    now = None if found is None else (found.st_dev, found.st_ino)
    if before is None or now == before:
        return now
    what = "is no longer there" if now is None else "is another file now"
    raise AtlasError(
        f"{path}: it {what}: it was moved, deleted or replaced, or its disk is gone; what was "
        "committed is in the file as it was; put that back and run again"
    )


def _inspected(path: Path, may_create: bool) -> Place:
    if path.is_dir():
        raise BadInputError(str(path), "is a folder", "give the path of a file in it")
    if not path.parent.is_dir():
        raise BadInputError(str(path), f"there is no folder {path.parent}", "create it first")
    size = _size(path)
    if not size:
        _check_nothing_left(path, size)
    if size is None:
        if not may_create:
            remedy = "check the path, or explore a study first"
            raise BadInputError(str(path), "no such atlas", remedy)
        return Place(path, False, False, False, True, _begin_use(path))
    if not path.is_file():
        raise BadInputError(str(path), "is not a file", "give the path of an atlas")
    if size == 0 and not may_create:
        problem = "there is no atlas in it: the file is empty"
        raise BadInputError(str(path), problem, "copy it again, or delete it and explore a study")
    use = _begin_use(path)
    try:
        _check_magic(path, use.head)
        _check_length(path, use.head)
    except BadInputError:
        end_use(use)
        raise
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    shared = beside(path, "-shm").exists()
    return Place(path, use.head[18:19] == b"\2", _has_log(path), shared, writable, use)


def _begin_use(path: Path) -> Use:
    """Read the first bytes of a file, unless this process has it open and knows them already."""
    name = os.path.realpath(path)
    with _GUARD:
        found = _stat(path)
        file = None if found is None else (found.st_dev, found.st_ino)
        others = _USES.setdefault(name, WeakSet())
        heads = [other.head for other in others if other.file in (None, file)]
        head = heads[0] if heads else b"" if file is None else _head(path)
        use = Use(name, file, head)
        others.add(use)
    return use


def end_use(use: Use) -> None:
    """Record that a file was closed; it does no harm to call this more than once."""
    with _GUARD:
        others = _USES.get(use.path, WeakSet[Use]())
        others.discard(use)
        if not others:
            _USES.pop(use.path, None)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER)


def _check_nothing_left(path: Path, size: int | None) -> None:
    """Refuse a path whose file is missing or empty but whose log exists; SQLite would delete it."""
    log = beside(path, "-wal")
    if _size(log):
        what = "not there" if size is None else "empty"
        problem = f"it is {what}, but its log {log.name} is there, which may hold all of it"
        remedy = f"copy {path.name} beside it once more, or move {log.name} away"
        raise BadInputError(str(path), problem, remedy)


def _check_magic(path: Path, head: bytes) -> None:
    if head.startswith(LOG_MAGICS):
        name = path.name
        for ending in LOGS:
            name = name.removesuffix(ending)
        problem = "is the log of an atlas, not the atlas"
        remedy = f"give the path of the atlas, for example {name}, with this file beside it"
        raise BadInputError(str(path), problem, remedy)
    if head and not head.startswith(MAGIC):
        raise BadInputError(str(path), "is not an SQLite file", "give the path of an atlas")


def _check_length(path: Path, head: bytes) -> None:
    """Refuse a file that is shorter than its header says, unless its log may hold the rest.

    The length is read twice, because another program may be writing the file at this moment.
    """
    if not head:
        return
    wanted = _promised(head)
    size = _size(path) or 0
    if size >= wanted or _has_log(path):
        return
    size = _size(path) or 0
    if size >= wanted or _has_log(path):
        return
    problem = f"the file is cut short: it has {size:,} of {wanted:,} bytes"
    raise BadInputError(str(path), problem, "copy it again")


def _promised(head: bytes) -> int:
    """Number of bytes that a file with this header must have at least."""
    if len(head) < HEADER:
        return HEADER
    (page,) = struct.unpack(">H", head[16:18])
    changes, pages = struct.unpack(">II", head[24:32])
    (valid_for,) = struct.unpack(">I", head[92:96])
    known = changes == valid_for  # Otherwise an old SQLite wrote it, and the count is not valid.
    return (65536 if page == 1 else page) * pages if known else HEADER


def _has_log(path: Path) -> bool:
    return any(_size(beside(path, ending)) for ending in LOGS)


def _state(path: Path) -> list[tuple[int, int] | None]:
    """Times and sizes that change whenever a program writes to a file or opens it."""
    files = (path, *(beside(path, ending) for ending in (*LOGS, "-shm")))
    return [(s.st_mtime_ns, s.st_size) if (s := _stat(file)) else None for file in files]


def _size(path: Path) -> int | None:
    """Number of bytes of a file; None if there is no file."""
    found = _stat(path)
    return None if found is None else found.st_size


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
