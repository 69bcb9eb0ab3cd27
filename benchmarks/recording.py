"""Recordings of the results of jobs, which can be replayed without computing.

Searches are functions of their arrays: with the same seed and width they make the same jobs, which
are identified by their kernel and arrays. A job that was not recorded is an error.
"""

import hashlib
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import jax
import numpy as np

from lossatlas.errors import Status
from lossatlas.lanes import blocks


class Recorded(NamedTuple):
    """The result of a job in a block of one lane.

    Attributes:
        seconds: CPU time of each of its device calls.
        steps: number of steps of all calls together.
        found: the result of the last call.
    """

    seconds: tuple[float, ...]
    steps: int
    found: np.ndarray


@dataclass
class Recording:
    """The results of all jobs, by kernel and arrays."""

    jobs: dict[bytes, Recorded] = field(default_factory=dict)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """A context in which the results of all jobs are recorded, for one worker of one lane."""
        with patch.object(blocks, "advance", self._recorder()):
            yield

    def _recorder(self) -> Callable[..., Any]:
        """A function in place of `blocks.advance` that records its results."""
        advance, current = blocks.advance, dict[Any, tuple[bytes, list[float], list[int]]]()
        compiled = set[Any]()

        def noting(kernel, surface, states, rows, jobs, vectorized):
            if kernel not in compiled:  # its first call compiles, which is not part of a search
                copies = jax.tree.map(jax.numpy.copy, states)
                jax.block_until_ready(advance(kernel, surface, copies, rows, jobs, vectorized))
                compiled.add(kernel)
            if rows[0, 0]:
                current[kernel] = key(kernel, rows[0, 1:]), [], []
            begun = time.process_time()
            done = jax.block_until_ready(advance(kernel, surface, states, rows, jobs, vectorized))
            name, seconds, steps = current[kernel]
            seconds.append(time.process_time() - begun)
            found = np.array(done[1])
            steps.append(int(found[0, 1]))
            if found[0, 0] != Status.RUNNING:
                self.jobs[name] = Recorded(tuple(seconds), sum(steps), found)
            return done

        return noting

    @classmethod
    def kept(cls, path: Path | None, record: Callable[[], None]) -> "Recording":
        """Read the recording in a file, or make it now and keep it there."""
        if path is not None and path.exists():
            jobs = pickle.loads(path.read_bytes())  # written by this program
            return cls({name: Recorded(*recorded) for name, recorded in jobs.items()})
        recording = cls()
        with recording.recording():
            record()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Plain tuples are stored, since a class of `__main__` has another name elsewhere.
            jobs = {name: tuple(recorded) for name, recorded in recording.jobs.items()}
            path.write_bytes(pickle.dumps(jobs))
        return recording


def key(kernel: Any, row: np.ndarray) -> bytes:
    """The key of a job: the kernel, and the arrays as they are packed."""
    name = hashlib.blake2b(_named(kernel), digest_size=16)
    name.update(np.ascontiguousarray(row).data)
    return name.digest()


@cache
def _named(kernel: Any) -> bytes:
    return repr(kernel).encode()
