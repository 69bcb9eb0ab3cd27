"""What searches and the engine agree on: requests, kernels, host calls, results handed over.

An iterative method is a *kernel*: `init(surface, *job)` makes the state of one search, `step`
advances it by exactly one evaluation of each kind it uses, and `state.status` says when it is
finished. Trials of a line search or rejected steps are steps like any other, so nothing in a batch
waits for an inner loop of somebody else. (Exceptions: the few gradients after each Hessian of a
polish and of a climb.)

Some methods do not fit this frame, such as SciPy's eigensolvers with their own loops. They are
*host calls*: ordinary functions that run to their end on the host.

A *search* is a generator: it yields `Request`s (a kernel or host call and one job for it, or a
sequence of them), receives their results, and returns what it found. A long one may hand over what
it has before it ends, by yielding it as `Found`. It reads like the method in the paper; the engine
does the rest (`lanes.engine`).
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp

from lossatlas.errors import Status
from lossatlas.landscape.base import Surface


class Kernel(Protocol):
    """One iterative method; a frozen dataclass, because it is part of what is compiled."""

    @property
    def steps(self) -> int:
        """Steps a lane advances in one device call."""
        ...

    @property
    def init(self) -> Callable[..., Any]:
        """`init(surface, *job)`: state of a new search; `state.status` is a scalar int32."""
        ...

    def step(self, surface: Surface, state: Any) -> Any:
        """The state after one evaluation of each kind."""
        ...

    def result(self, state: Any) -> Any:
        """What is handed back when the status is no longer RUNNING; a NamedTuple of arrays."""
        ...


@runtime_checkable
class HostCall(Protocol):
    """A method that runs to its end on the host, calling compiled functions as it likes.

    A frozen dataclass like a kernel; requested with the same `Request`. Several run at once, in
    threads: what it calls must allow that.
    """

    @property
    def call(self) -> Callable[..., Any]:
        """`call(surface, *job)`: the result of one job, a NamedTuple of NumPy arrays."""
        ...


class Request(NamedTuple):
    """One job for a kernel or host call: its arrays (or pytrees of them), without a batch axis."""

    kernel: Kernel | HostCall
    job: tuple[Any, ...]


class Found(NamedTuple):
    """A result that a search yields before its last one, which it returns."""

    result: Any


Requests: TypeAlias = Request | Sequence[Request]
"""What a search asks for at once: one result, or several."""

Search: TypeAlias = Generator[Requests | Found, Any, Any]


def running() -> jax.Array:
    """The status of a search that has not finished."""
    return jnp.asarray(Status.RUNNING, jnp.int32)
