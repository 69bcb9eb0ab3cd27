"""What can go wrong, in three kinds.

Misuse at the boundary (a bad file, a bad value, an atlas of another landscape) raises one of
the exceptions below, before any work starts. What can be used but is probably not meant issues a
`DataWarning`, and the work goes on. A numerical outcome of one search is not an error
of the program: it is data, a `Status` that travels with the result of its lane.
"""

from enum import IntEnum


class LossatlasError(Exception):
    """Base of every exception that lossatlas raises on purpose."""


class BadInputError(LossatlasError, ValueError):
    """Something the user gave cannot be used; says where, what, and what to do.

    Args:
        where: the file and field, e.g. ``"d2.toml: [network] hidden"``.
        problem: what is wrong with it.
        remedy: what to change.

    Example:
        >>> raise BadInputError("d2.toml: [loss] l2", "-1 is not positive", "use e.g. 1e-4")
        Traceback (most recent call last):
        ...
        lossatlas.errors.BadInputError: d2.toml: [loss] l2: -1 is not positive; use e.g. 1e-4
    """

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        self.where, self.problem, self.remedy = where, problem, remedy
        super().__init__(f"{where}: {problem}; {remedy}")


class AtlasError(LossatlasError):
    """The atlas file cannot be read, written or trusted."""


class OtherLandscapeError(AtlasError):
    """The atlas holds another landscape than the one asked for; the message says what differs."""


class DataWarning(UserWarning):
    """Data that can be used but are probably not what was meant; the message says what to do.

    The library issues it with `warnings.warn`, so that the filters of that module apply. The
    command line prints it as one line on the standard error.

    Example:
        >>> import warnings
        >>> warnings.simplefilter("ignore", DataWarning)     # doctest: +SKIP
    """


class Status(IntEnum):
    """The outcome of one search, stored with every attempt."""

    RUNNING = 0
    """Not finished."""
    CONVERGED = 1
    """The search reached what it looked for, and the result is certified."""
    TOO_MANY_STEPS = 2
    """The step limit came first: raise it, or start closer."""
    WRONG_INDEX = 3
    """Converged to a stationary point of another Hessian index than the one searched for."""
    UNDECIDED = 4
    """An eigenvalue is too small to call its sign; the point is set aside."""
    NOT_STATIONARY = 5
    """The gradient could not be brought below the tolerance by polishing."""
    NOT_FINITE = 6
    """The loss or its gradient became infinite or not-a-number."""
    NO_CANDIDATE = 7
    """The band has no interior maximum: its ends are joined without a barrier."""
    LOST_LINK = 8
    """A transition state was certified but a path from it did not reach a certified minimum."""
