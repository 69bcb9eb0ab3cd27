"""The messages between the coordinating process and its workers.

A batch holds searches and the transition states that they are to know, but not the landscape. A
worker that lacks the landscape, or transition states that it was not sent yet, says so at once and
is sent them. The executor therefore need not know which worker gets which batch, and each worker
gets the landscape only once.

Messages are pickled here, as bytes that executors pass on. Only processes of one program exchange
them, and they are never stored.
"""

import pickle
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from lossatlas.errors import BadInputError
from lossatlas.search.known import Known


class Computing(NamedTuple):
    """The settings of a process that decide how results are rounded.

    Attributes:
        process: identifier of the process.
        flags: flags of XLA.
        configured: whether `lossatlas.configure` has set these flags.
    """

    process: str
    flags: str
    configured: bool


class Setup(NamedTuple):
    """The data that all batches of an exploration share; each worker is sent them once.

    Attributes:
        tools: `search.tools.Tools` with the landscape, but without known transition states.
        lanes: number of lanes of each kernel and thread; None for the best number on the device of
            the worker.
        threads: number of threads that advance lanes in a worker; None for as many as it has.
        process: identifier of the process that plans and commits.
    """

    tools: Any
    lanes: int | None
    threads: int | None
    process: str


class Batch(NamedTuple):
    """Searches for one worker.

    Attributes:
        exploration: key of the exploration, which no other exploration has.
        number: number of the batch.
        searches: pickled list of functions, each of which makes a search from the tools.
        known: for each search, the number of transition states that it is to know.
        first: number of transition states that a worker must have before it can add ``states``.
        states: the transition states after these; None if there are none.
        setup: pickled `Computing` and, pickled again, `Setup`; None, the default, if workers are
            expected to have it.
        seconds: wall-clock time that the batch may take, in seconds, after which searches that have
            not ended are given up; None, the default, for no limit.
        tries: number of times that it was sent before, default 0; with it, an executor that
            remembers tasks takes each try for a new task.
    """

    exploration: str
    number: int
    searches: bytes
    known: tuple[int, ...]
    first: int
    states: Known | None
    setup: bytes | None = None
    seconds: float | None = None
    tries: int = 0


class Lacking(NamedTuple):
    """The data that a worker lacks.

    Attributes:
        setup: whether it lacks the setup of the exploration.
        states: number of transition states that it has; it lacks those after them.
    """

    setup: bool
    states: int


class Reply(NamedTuple):
    """The answer of a worker to a batch.

    Attributes:
        number: number of the batch.
        worker: identifier of the process that made it.
        lacking: what the worker lacks, if it could not begin; None, the default, if it could.
        results: pickled list which holds, for each search, the list of all results that it handed
            over or returned, in order. The last of them is a `Failure` if the search raised an
            error, or `GIVEN_UP` if time was up.
        seconds: wall-clock time that the batch took, in seconds.
        cpu_seconds: CPU time that the process has spent in all, in seconds.
        states: number of transition states that the worker has.
    """

    number: int
    worker: str
    lacking: Lacking | None = None
    results: bytes = b""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    states: int = 0


class Failure(NamedTuple):
    """The result of a search that raised an error.

    Attributes:
        error: the pickled exception.
    """

    error: bytes


class Search(NamedTuple):
    """A search to be sent to a worker.

    Attributes:
        name: name of the search in messages.
        position: number of the search in the exploration.
        packed: pickled function that makes the search from the tools.
        known: number of transition states that it is to know.
    """

    name: str
    position: int
    packed: bytes
    known: int


OWN_MODULES = "lossatlas_landscape_"
"""How the names of modules begin that were made of a file of the user. Nothing can import them."""
GIVEN_UP = "given up"
"""The result that stands for a search that was given up because time was up."""


def packed(value: Any, where: str) -> bytes:
    """Pickle a value for another process.

    Functions and classes are pickled by name, or by value with cloudpickle if another process
    cannot import their module.

    Args:
        value: the value.
        where: what the value is, for the message.

    Raises:
        BadInputError: the value cannot be pickled.

    Examples:
        >>> unpacked(packed((1, "a"), "example"))
        (1, 'a')
    """
    reason: Exception | None = None
    for dumps in _picklers():
        try:
            return dumps(value)
        except Exception as error:  # Picklers raise many kinds of exceptions.
            reason = reason or error
    remedy = (
        "define functions and classes in a module that workers can import, or pip install "
        "cloudpickle there and here"
    )
    problem = f"cannot be sent to another process ({reason})"
    raise BadInputError(where, problem, remedy) from reason


def _picklers() -> Sequence[Callable[[Any], bytes]]:
    if find_spec("cloudpickle") is None:
        return (_by_name,)
    return _importable, _by_value


def _by_value(value: Any) -> bytes:
    """Pickle with the functions and classes of scripts, notebooks and files of the user."""
    import cloudpickle

    for name, module in list(sys.modules.items()):
        if name.startswith(OWN_MODULES):
            cloudpickle.register_pickle_by_value(module)
    return cloudpickle.dumps(value)


def _by_name(value: Any) -> bytes:
    """Pickle by name; refuse names of modules that no other process can import."""
    content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    if OWN_MODULES.encode() in content:
        raise pickle.PicklingError("it is defined in the file of --landscape")
    return content


def _importable(value: Any) -> bytes:
    """Pickle by name; refuse names of a script or notebook too, which mean others in a worker."""
    content = _by_name(value)
    if b"__main__" in content:
        raise pickle.PicklingError("it is defined in a script or a notebook")
    return content


def unpacked(content: bytes) -> Any:
    """Restore a value from `packed`, possibly in another process of the same program."""
    return pickle.loads(content)


def packed_error(error: BaseException) -> bytes:
    """Pickle an exception; one that cannot be pickled becomes a RuntimeError with its text."""
    try:
        content = pickle.dumps(error)
        pickle.loads(content)  # Some exceptions can be pickled, but not restored.
        return content
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
