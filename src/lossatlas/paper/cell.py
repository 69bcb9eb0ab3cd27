"""A cell: one landscape of a recipe, the way in which it is searched, and its budget.

All settings that determine which landscape is explored, and how, are hashed into the key of the
cell, and the key names its folder. So an interrupted run is continued, and a changed setting makes
another cell. The budget, which says when a cell is finished, is not part of the key, so that a
larger budget continues a cell.
"""

import hashlib
import json
from typing import Any, Literal, NamedTuple

from lossatlas import ExploreOptions

REFERENCE = "cell "
"""Beginning of the reference in a noise table if it is another cell, whose key follows."""
SCHEMA = 1
"""Version of the key, which is raised whenever the same settings mean another landscape."""


PILOT = 10
"""The last draw of the pilot, by which the studies were planned; later draws are *fresh*."""


class Effort(NamedTuple):
    """The effort that was spent on a cell so far, over all runs.

    Attributes:
        seconds: seconds of exploring.
        cpu_seconds: CPU seconds of exploring.
        minima: number of minima in its atlas.
        transition_states: number of transition states in its atlas.
        attempts: number of searches that were made.
        reason: why the last run ended, see `Exploration`; empty if it was killed or is running.
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
        draw: number of the random draw, counted from 1; the seeds in ``study`` follow from it.
        seed: seed of the searches.
        strategies: names of the strategies that are used; None for all.
        independent_share: share of independent draws, from which completeness is estimated.
        aim: aim of the exploration, see `ExploreOptions`.
        auc: the class that the AUC tells from all others, or ``"macro"``.
        budget: the stop rules for all runs of the cell together, compilation included. Its other
            settings are not used, and it is not part of the key.
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
        """64 hexadecimal digits that change with every setting except for the budget.

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
        if self.aim != "all":  # cells from before there were aims keep their keys
            content["aim"] = self.aim
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def name(self) -> str:
        """The name of its folder: a description for people, and the beginning of the key."""
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
        """The share of the training labels that are changed."""
        return self.study.get("noise", {}).get("fraction", 0.0)


def exhausted(budget: ExploreOptions, effort: Effort) -> bool:
    """Whether a cell has spent its budget, or has nothing left to find.

    Examples:
        >>> exhausted(ExploreOptions(minutes=1), Effort(seconds=60.5))
        True
        >>> exhausted(ExploreOptions(), Effort())
        False
    """
    enough = budget.enough(effort.minima, effort.transition_states)
    time_is_up = budget.seconds_left(effort.seconds, effort.cpu_seconds) <= 0
    return enough or time_is_up or not effort.ran_out
