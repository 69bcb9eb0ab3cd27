"""A cell: one landscape of a recipe, how it is searched, and how much effort it gets.

What determines which landscape is explored and how is hashed into the cell's key, and the key names
its folder: an interrupted run continues, and a changed setting has other cells. The budget is no
part of the key. It says when a cell has had enough, so a larger one continues what is there.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

SCHEMA = 1
"""Raised whenever the same settings would mean another cell."""


@dataclass(frozen=True)
class Budget:
    """When a cell has had enough: at the first limit that it reaches, or when nothing new turns up.

    Args:
        cpu_minutes: of CPU time of all threads, over all runs together, compilation included: a
            cell gets the same effort on a busy machine, twice the minutes on two free cores.
        minutes: of the clock, likewise.
        transition_states: in the atlas, degenerate rearrangements included.
        minima: in the atlas.
    """

    cpu_minutes: float | None = None
    minutes: float | None = None
    transition_states: int | None = None
    minima: int | None = None


class Effort(NamedTuple):
    """What a cell has had so far.

    Attributes:
        seconds, cpu_seconds: of exploring, over all runs.
        minima, transition_states: in its atlas.
        attempts: searches made.
        reason: why the last run ended, see `Exploration`; ``""`` if it was killed or goes on.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    minima: int = 0
    transition_states: int = 0
    attempts: int = 0
    reason: str = ""

    @property
    def ran_out(self) -> bool:
        """Whether there may be more to find, so that the counts are lower bounds."""
        return self.reason not in ("nothing new", "complete")


class Cell(NamedTuple):
    """One landscape to be explored.

    Attributes:
        study: the tables of a study except ``explore``, every key that matters written out.
        draw: number of the random draw, 1 and up; the seeds in ``study`` follow from it.
        seed: of the searches.
        strategies: those allowed, None for all.
        independent_share: of the effort, for the searches that completeness is estimated from.
        auc: the class told from all others, or ``"macro"``.
        budget: no part of the key.
    """

    study: dict[str, Any]
    draw: int
    seed: int
    strategies: tuple[str, ...] | None = None
    independent_share: float = 0.0
    auc: int | Literal["macro"] = 0
    budget: Budget = Budget()

    @property
    def key(self) -> str:
        """64 hexadecimal digits that change with everything but the budget.

        Example:
            >>> cell = Cell({"loss": {"l2": 0.1}}, draw=1, seed=1)
            >>> cell.key == cell._replace(budget=Budget(minutes=5)).key
            True
            >>> cell.key == cell._replace(seed=2).key
            False
        """
        content = {
            "schema": SCHEMA,
            "study": self.study,
            "seed": self.seed,
            "strategies": self.strategies,
            "independent_share": self.independent_share,
            "auc": self.auc,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def name(self) -> str:
        """Name of its folder: what it is, for people, and the beginning of the key."""
        data, network = self.study["data"], self.study["network"]
        parts = [
            str(data.get("side", data["source"])).lower(),
            "x".join(map(str, network["hidden"])),
            f"{data['train']}",
            f"{self.study['loss']['l2']:g}",
            f"noise{100 * self.noise:g}",
            f"near{network['neighbors']}" if network["neighbors"] else "full",
            f"draw{self.draw}",
            self.key[:8],
        ]
        return "-".join(parts)

    @property
    def noise(self) -> float:
        """The share of the training labels that is changed."""
        return self.study.get("noise", {}).get("fraction", 0.0)


def exhausted(budget: Budget, effort: Effort) -> bool:
    """Whether a cell has had its budget, or needs none any more.

    Example:
        >>> exhausted(Budget(minutes=1), Effort(seconds=60.5)), exhausted(Budget(), Effort())
        (True, False)
    """
    pairs = (
        (budget.cpu_minutes, effort.cpu_seconds / 60.0),
        (budget.minutes, effort.seconds / 60.0),
        (budget.transition_states, effort.transition_states),
        (budget.minima, effort.minima),
    )
    reached = any(limit is not None and had >= limit for limit, had in pairs)
    return reached or not effort.ran_out


def remaining(budget: Budget, effort: Effort) -> Budget:
    """What is left of a budget; counts are those of the atlas and stay.

    Example:
        >>> remaining(Budget(minutes=3.0, minima=50), Effort(seconds=60.0))
        Budget(cpu_minutes=None, minutes=2.0, transition_states=None, minima=50)
    """
    spent = {"cpu_minutes": effort.cpu_seconds / 60.0, "minutes": effort.seconds / 60.0}
    limits = {name: (getattr(budget, name), had) for name, had in spent.items()}
    left = {name: limit - had for name, (limit, had) in limits.items() if limit is not None}
    return replace(budget, **left)
