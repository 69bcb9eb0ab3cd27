"""A cell: one landscape of a recipe, how it is searched, and how much effort it gets.

What determines which landscape is explored and how is hashed into the cell's key, and the key names
its folder: an interrupted run continues, and a changed setting has other cells. The budget is no
part of the key. It says when a cell has had enough, so a larger one continues what is there.
"""

import hashlib
import json
from typing import Any, Literal, NamedTuple

from lossatlas import ExploreOptions

REFERENCE = "cell "
"""What the reference of a noise table begins with where it is another cell; its key follows."""
SCHEMA = 1
"""Raised whenever the same settings would mean another cell."""


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
        aim: of the exploration, see `ExploreOptions`.
        auc: the class told from all others, or ``"macro"``.
        budget: when it has had enough: stop rules over all runs of the cell together, compilation
            included; its other settings are not used. No part of the key.
    """

    study: dict[str, Any]
    draw: int
    seed: int
    strategies: tuple[str, ...] | None = None
    independent_share: float = 0.0
    aim: str = "all"
    auc: int | Literal["macro"] = 0
    budget: ExploreOptions = ExploreOptions()

    @property
    def key(self) -> str:
        """64 hexadecimal digits that change with everything but the budget.

        Examples:
            >>> cell = Cell({"loss": {"l2": 0.1}}, draw=1, seed=1)
            >>> cell.key == cell._replace(budget=ExploreOptions(minutes=5)).key
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
        if self.aim != "all":  # older cells have no other, and keep their keys
            content["aim"] = self.aim
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
            f"{self._noise_kind}{100 * self.noise:g}",
            f"near{network['neighbors']}" if network["neighbors"] else "full",
            *([] if self.aim == "all" else [self.aim]),
            f"draw{self.draw}",
            self.key[:8],
        ]
        return "-".join(parts)

    @property
    def _noise_kind(self) -> str:
        kind = self.study.get("noise", {}).get("kind", "uniform")
        return "noise" if kind == "uniform" else kind

    @property
    def noise(self) -> float:
        """The share of the training labels that is changed."""
        return self.study.get("noise", {}).get("fraction", 0.0)


def exhausted(budget: ExploreOptions, effort: Effort) -> bool:
    """Whether a cell has had its budget, or needs none any more.

    Examples:
        >>> exhausted(ExploreOptions(minutes=1), Effort(seconds=60.5))
        True
        >>> exhausted(ExploreOptions(), Effort())
        False
    """
    enough = budget.enough(effort.minima, effort.transition_states)
    time_is_up = budget.seconds_left(effort.seconds, effort.cpu_seconds) <= 0
    return enough or time_is_up or not effort.ran_out
