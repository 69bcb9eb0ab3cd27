"""What goes to a worker and what comes back.

A batch holds searches and what they are to know, and never the landscape: a worker that lacks it,
or transition states that it was not sent yet, says so at once, and is sent them. So no executor has
to tell which worker gets which batch, and each worker gets the landscape once.

Everything is pickled here, as bytes that executors pass on: only processes of one program talk to
each other in this way, and nothing of it is ever stored.
"""

import pickle
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from lossatlas.errors import BadInputError
from lossatlas.search.known import Known


class Computing(NamedTuple):
    """How a process computes, which decides how results are rounded.

    Attributes:
        process: by its identifier.
        flags: of XLA.
        configured: whether `lossatlas.configure` has set them.
    """

    process: str
    flags: str
    configured: bool


class Setup(NamedTuple):
    """What all batches of an exploration share; sent once to each worker.

    Attributes:
        tools: `search.tools.Tools`, the landscape among them, without known transition states.
        lanes: of each kernel and thread; None for the best on the worker's device.
        threads: that advance lanes in a worker; None for as many as it has.
        process: that plans and commits, by its identifier.
    """

    tools: Any
    lanes: int | None
    threads: int | None
    process: str


class Batch(NamedTuple):
    """Searches for one worker.

    Attributes:
        exploration: a key of the exploration that no other has.
        number: of this batch.
        searches: pickled, each a function that makes a search of the tools.
        known: how many transition states each search is to know.
        first: how many transition states a worker must have to use `states`.
        states: the transition states from there on.
        setup: pickled `Computing` and, pickled in turn, `Setup`; None where workers are thought to
            have it.
        seconds: how long it may take by the clock; None for any time. Searches that have not ended
            by then are given up.
        tries: how often it was sent before, which makes each try another task for an executor
            that remembers tasks.
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
    """What a worker lacks: the setup, or transition states after so many that it has."""

    setup: bool
    states: int


class Reply(NamedTuple):
    """What became of a batch.

    Attributes:
        number: of the batch.
        worker: which process made it.
        lacking: what the worker lacks, where it could not begin; None where it could.
        results: pickled list: for each search the list of what it handed over and returned, in
            order; the last of it is a `Failure` if it raised, or `GIVEN_UP` if time was up.
        seconds: it took.
        cpu_seconds: the process has spent in all.
        states: how many transition states it has.
    """

    number: int
    worker: str
    lacking: Lacking | None = None
    results: bytes = b""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    states: int = 0


class Failure(NamedTuple):
    """A search that raised; pickled, since not every exception can be."""

    error: bytes


class Search(NamedTuple):
    """A search to be sent.

    Attributes:
        name: what it is called in messages.
        position: its number in the exploration.
        packed: pickled function that makes it of the tools.
        known: how many transition states it is to know.
    """

    name: str
    position: int
    packed: bytes
    known: int


GIVEN_UP = "given up"
"""Stands for the result of a search that time was up for."""


def packed(value: Any, where: str) -> bytes:
    """A value pickled; by value, with cloudpickle, where its module cannot be imported elsewhere.

    Raises:
        BadInputError: if it cannot be pickled.

    Examples:
        >>> unpacked(packed((1, "a"), "example"))
        (1, 'a')
    """
    reason: Exception | None = None
    for dumps in _picklers():
        try:
            return dumps(value)
        except Exception as error:  # of many kinds
            reason = reason or error
    remedy = (
        "define functions and classes in a module that workers can import, or pip install "
        "cloudpickle there and here"
    )
    problem = f"cannot be sent to another process ({reason})"
    raise BadInputError(where, problem, remedy) from reason


def _picklers() -> Sequence[Callable[[Any], bytes]]:
    if find_spec("cloudpickle") is None:
        return (pickle.dumps,)
    import cloudpickle

    return _importable, cloudpickle.dumps


def _importable(value: Any) -> bytes:
    """Pickled by names, unless one is of a script or a notebook, which is another in a worker."""
    content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    if b"__main__" in content:
        raise pickle.PicklingError("it is defined in a script or a notebook")
    return content


def unpacked(content: bytes) -> Any:
    """What `packed` was given, in another process of the same program."""
    return pickle.loads(content)


def packed_error(error: BaseException) -> bytes:
    """An exception pickled; one that cannot be as a plain one with its words."""
    try:
        content = pickle.dumps(error)
        pickle.loads(content)  # some can be pickled, and not unpickled
        return content
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
