"""What can go wrong, in three kinds.

Misuse at the boundary (a bad file, a bad value, an atlas of another landscape) raises one of
the exceptions below, before any work starts. Input that can be used but is probably not meant
issues a `DataWarning`, and the work goes on. A numerical outcome of one search is not an error of
the program: it is data, a `Status` that is part of the result of the search.
"""

import os
from enum import IntEnum
from typing import NamedTuple

__all__ = [
    "AtlasError",
    "BadInputError",
    "ClusterError",
    "ConnectionLostError",
    "DataWarning",
    "LossatlasError",
    "OtherLandscapeError",
    "Status",
]


class LossatlasError(Exception):
    """The base of every exception that lossatlas raises on purpose.

    Examples:
        >>> try:
        ...     raise AtlasError("d2.atlas: is damaged")
        ... except LossatlasError as error:
        ...     print(error)
        d2.atlas: is damaged
    """


class BadInputError(LossatlasError, ValueError):
    """Something that the user gave cannot be used; the message says where, why and what to do.

    Args:
        where: the file and field, or the argument, e.g. ``"d2.toml: [network] hidden"``.
        problem: what is wrong with it.
        remedy: what to change.

    Examples:
        >>> raise BadInputError("d2.toml: [loss] l2", "-1 is not positive", "use e.g. 1e-4")
        Traceback (most recent call last):
        ...
        lossatlas.errors.BadInputError: d2.toml: [loss] l2: -1 is not positive; use e.g. 1e-4
    """

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        self.where, self.problem, self.remedy = where, problem, remedy
        super().__init__(f"{where}: {problem}; {remedy}")


PLATFORMS = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")
"""Environment variables that choose the kind of device that JAX computes on."""


def jax_cannot_start(error: Exception) -> BadInputError:
    """The error to raise when JAX does not start; it names the environment variable at fault.

    Args:
        error: the exception that JAX raised when it was imported or asked for a device.

    Examples:
        >>> print(jax_cannot_start(ImportError("no jaxlib")).remedy)
        check what this prints: python -c "import jax; print(jax.devices())"
    """
    reason = " ".join(str(error).split())[:300] or "there is no such device that JAX can use"
    reason = f"JAX cannot start: {reason}"
    ours = [name for name in sorted(os.environ) if name.startswith(("JAX_", "XLA_"))]
    named = [name for name in ours if name.lower() in reason.lower()]
    chosen = [name for name in PLATFORMS if os.environ.get(name)]
    if isinstance(error, ImportError) or not (named or chosen):
        remedy = 'check what this prints: python -c "import jax; print(jax.devices())"'
        return BadInputError("JAX", reason, remedy)
    name = (named or chosen)[0]
    remedy = f"correct it, or unset {name}"
    if name in PLATFORMS:
        remedy = f"set it to cpu, or unset {name} to use what is there"
    return BadInputError(f"{name}={os.environ[name]}", reason, remedy)


class AtlasError(LossatlasError):
    """An atlas, in a file or a database, cannot be read, written or trusted."""


class ClusterError(LossatlasError):
    """The workers of a cluster or an executor are lost; the message says how to continue."""


class ConnectionLostError(AtlasError):
    """The connection to the database of an atlas is lost; all committed results are safe."""


class OtherLandscapeError(AtlasError):
    """The atlas holds another landscape than the one asked for; the message says what differs."""


class DataWarning(UserWarning):
    """Data that can be used but are probably not what was meant; the message says what to do.

    The library issues it with `warnings.warn`, so that the filters of that module apply. The
    command line prints it as one line on the standard error.

    Examples:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always", DataWarning)
        ...     warnings.warn("the column 'Id' only counts the rows", DataWarning, stacklevel=1)
        >>> [str(one.message) for one in caught]
        ["the column 'Id' only counts the rows"]
    """


class Status(IntEnum):
    """The outcome of one search, stored with every attempt.

    Examples:
        >>> Status(4).name
        'UNDECIDED'
    """

    RUNNING = 0
    """The search has not finished."""
    CONVERGED = 1
    """The search reached what it looked for, and the result is certified."""
    TOO_MANY_STEPS = 2
    """The search reached the step limit before it converged."""
    WRONG_INDEX = 3
    """Converged to a stationary point of another Hessian index than the one searched for."""
    UNDECIDED = 4
    """An eigenvalue is too small to decide its sign, so the point is not stored."""
    NOT_STATIONARY = 5
    """The gradient could not be brought below the tolerance by polishing."""
    NOT_FINITE = 6
    """The loss or its gradient became infinite or not-a-number."""
    NO_CANDIDATE = 7
    """The search had nothing to start from: for example, the band between two minima has no
    interior maximum, or a minimum has no further mode to climb along."""
    LOST_LINK = 8
    """A transition state was certified but a path from it did not reach a certified minimum."""
    WRONG_SPECTRUM = 9
    """The linear algebra library returned vectors that are not eigenvectors of the Hessian, so
    the point is not stored."""
    LONG_CHAIN = 10
    """A path from a transition state led from saddle to saddle more often than is followed."""
    LOST_WORKER = 11
    """Two workers of a cluster died during the search, and it was given up."""


class Advice(NamedTuple):
    """What a status means where most searches end with it, and what to do about it.

    Attributes:
        meaning: the cause, as a clause that can follow a colon.
        remedy: what to change, as an instruction to the user.
    """

    meaning: str
    remedy: str


ADVICE = {
    Status.RUNNING: Advice("the searches have not finished", "wait until they have"),
    Status.CONVERGED: Advice("the searches found what they looked for", "nothing is to be done"),
    Status.TOO_MANY_STEPS: Advice(
        "the step limit came first, mostly since the loss falls without end, or changes over much "
        "shorter or longer distances than length_scale says",
        "see that the function grows far away (add a penalty such as l2), and set length_scale to "
        "a typical distance between minima",
    ),
    Status.WRONG_INDEX: Advice(
        "the searches ended at stationary points of another Hessian index than they looked for",
        "explore for longer; if that does not help, set length_scale to a typical distance between "
        "minima",
    ),
    Status.UNDECIDED: Advice(
        "a curvature is zero or too small to call its sign: the function is flat or nearly flat "
        "along some direction, or has minima of higher order such as w**4",
        "leave out a coordinate that does not matter, add a penalty such as l2, give the period of "
        "a periodic coordinate, or choose coordinates without the translation or rotation under "
        "which the function does not change",
    ),
    Status.NOT_STATIONARY: Advice(
        "the gradient could not be brought to rounding error: the function is not smooth there, or "
        "its values and curvatures are so large that rounding leaves more than 1e-12",
        "use no absolute values or steps, keep float64 throughout, and scale the function so that "
        "values and curvatures are of size one",
    ),
    Status.NOT_FINITE: Advice(
        "the loss or its gradient became infinite or not-a-number",
        "give a box in which the function is finite, and avoid logarithms, square roots and "
        "divisions of what can become zero or negative",
    ),
    Status.NO_CANDIDATE: Advice(
        "bands had no barrier, or minima no further mode or copy to start along",
        "nothing is wrong; explore for longer, with another seed",
    ),
    Status.LOST_LINK: Advice(
        "transition states were found, but paths from them reached no certified minimum",
        "see that the function grows far away (add a penalty such as l2), and set length_scale to "
        "a typical distance between minima",
    ),
    Status.WRONG_SPECTRUM: Advice(
        "the linear algebra library of the device gave vectors that are no eigenvectors of the "
        "Hessian, and points could not be certified",
        "update JAX and the driver of the device, or use the CPU (JAX_PLATFORMS=cpu)",
    ),
    Status.LONG_CHAIN: Advice(
        "paths led from saddle to saddle, as in the symmetric subspaces of equal hidden units, and "
        "were given up",
        "nothing is wrong; in a network a larger l2 or fewer hidden units leave fewer units "
        "without weights",
    ),
    Status.LOST_WORKER: Advice(
        "workers of the cluster died while they made the searches",
        "read the logs of the workers; mostly they had not enough memory",
    ),
}
"""For each status, the advice to a user most of whose searches end with it."""
