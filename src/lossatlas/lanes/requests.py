"""The interface between searches and the engine: requests, kernels, host calls and results.

An iterative method is a *kernel*: `init(surface, *job)` makes the state of one search, `step`
advances it by one evaluation of each kind that it uses, and `state.status` tells when it has
finished. Steps on trial and rejected steps are steps like any other, so that no lane of a batch
waits for an inner loop of another one. The exceptions are the few gradients after each Hessian in a
polish and a climb, and the kernels of the factorized family, of which one step uses one
factorization.

Some methods cannot be written as a kernel, such as SciPy's eigensolvers, which have loops of their
own. They are *host calls*: ordinary functions that run to their end on the host.

A *search* is a generator. It yields a `Request`, which is a kernel or host call and one job for it,
or a sequence of requests, receives their results, and returns what it found. A long search may hand
over results before it ends by yielding them as `Found`. So a search reads like the description of
the method, and the engine does the rest (`lanes.engine`).
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp

from lossatlas.errors import Status
from lossatlas.landscape.base import Surface


class Kernel(Protocol):
    """An iterative method that runs in lanes.

    A kernel is a frozen dataclass of its options, because compiled code depends on them.
    """

    @property
    def steps(self) -> int:
        """Number of steps that a lane takes in one device call."""
        ...

    @property
    def init(self) -> Callable[..., Any]:
        """The function `init(surface, *job)`, which returns the state of a new search.

        Its `state.status` is a scalar int32, a `Status`.
        """
        ...

    def step(self, surface: Surface, state: Any) -> Any:
        """Return the state after one evaluation of each kind."""
        ...

    def result(self, state: Any) -> Any:
        """Return the result when the status is no longer RUNNING, a NamedTuple of arrays."""
        ...


@runtime_checkable
class HostCall(Protocol):
    """A method that runs to its end on the host and may call compiled functions.

    It is a frozen dataclass like a kernel, and requested by the same `Request`. Several host calls
    run at once in threads, which the functions that it calls must allow.
    """

    @property
    def call(self) -> Callable[..., Any]:
        """The function `call(surface, *job)`, which returns a NamedTuple of NumPy arrays."""
        ...


class Request(NamedTuple):
    """One job for a kernel or host call, as a search yields it.

    Attributes:
        kernel: the kernel or host call.
        job: the arguments of its `init` or `call` after the surface: arrays or pytrees of arrays,
            without a batch axis.
    """

    kernel: Kernel | HostCall
    job: tuple[Any, ...]


class Found(NamedTuple):
    """A result that a search yields before its last one, which it returns.

    Attributes:
        result: the result; an `Outcome` in a search of a strategy.
    """

    result: Any


Requests: TypeAlias = Request | Sequence[Request]
"""What a search yields to ask for one result, or for several at once."""

Search: TypeAlias = Generator[Requests | Found, Any, Any]
"""A search: a generator of requests and of results before the last, which returns the last."""


def running() -> jax.Array:
    """Return the status of a search that has not finished, for compiled code."""
    return jnp.asarray(Status.RUNNING, jnp.int32)
