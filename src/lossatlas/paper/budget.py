"""The cost of the studies: measured CPU seconds for each point, and estimates for larger budgets.

The cost of a point is measured in the last half of the CPU time of a landscape, because points are
found faster at the beginning, when code is compiled as well. The time to reach the counts of the
paper is estimated as the number of missing points times this cost. The estimate is too low if most
points have been found already, since each further one then takes longer; it is about right if the
number of transition states still grows in proportion to the time.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from lossatlas.paper.exploring import Record
from lossatlas.paper.published import published
from lossatlas.paper.recipes import Column, Recipe
from lossatlas.paper.tables import markdown_row

POINTS = ("minima", "transition_states")


class Cost(NamedTuple):
    """The cost of a column of a study, as means over its draws.

    Attributes:
        study: name of the study.
        column: name of the column.
        draws: number of landscapes on which the cost was measured.
        minutes: CPU minutes that a landscape has had.
        minima: number of minima that were found.
        transition_states: number of transition states that were found.
        connected: number of minima that are connected to the lowest one.
        per_minimum: CPU seconds for each further minimum in the last half of the time; infinite if
            none was found.
        per_transition_state: CPU seconds for each further transition state in the last half of the
            time; infinite if none was found.
        per_connected: CPU seconds for each connected minimum, over all of the time.
        planned: CPU minutes that the study gives to all draws of this column.
        to_the_paper: estimated CPU minutes until the count of connected minima is that of the
            paper; 0 if it is reached, NaN if the paper prints none.
    """

    study: str
    column: str
    draws: int
    minutes: float
    minima: float
    transition_states: float
    connected: float
    per_minimum: float
    per_transition_state: float
    per_connected: float
    planned: float
    to_the_paper: float


def rate(record: Record, points: str) -> float:
    """CPU seconds for each further point in the last half of the time; infinite if there is none.

    Args:
        record: the results of a cell.
        points: the kind of points, ``minima`` or ``transition_states``.
    """
    grown = record.about["discovery"]
    seconds = np.array(grown["cpu_seconds"], float)
    middle = float(np.interp(seconds[-1] / 2, seconds, grown[points]))
    more = grown[points][-1] - middle
    return float(seconds[-1] / 2 / more) if more > 0 else math.inf


def cost(recipe: Recipe, column: Column, found: Sequence[Record]) -> Cost:
    """The cost of one column of a study.

    Args:
        recipe: the study.
        column: the column.
        found: the results of its landscapes, at least one.
    """

    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values)))

    connected = mean(record.numbers["connected_minima"] for record in found)
    seconds = mean(record.effort.cpu_seconds for record in found)
    budget = column.cell(1).budget
    planned = budget.cpu_minutes or budget.minutes or math.nan
    printed = published(recipe.published or recipe.name, column.key).get("minima", math.nan)
    per_minimum, per_state = (mean(rate(record, name) for record in found) for name in POINTS)
    return Cost(
        study=recipe.name,
        column=column.label,
        draws=len(found),
        minutes=seconds / 60,
        minima=mean(record.effort.minima for record in found),
        transition_states=mean(record.effort.transition_states for record in found),
        connected=connected,
        per_minimum=per_minimum,
        per_transition_state=per_state,
        per_connected=seconds / connected,
        planned=planned * recipe.draws,
        to_the_paper=float(np.maximum(0.0, printed - connected)) * seconds / connected / 60,
    )


def costs(studies: Iterable[tuple[Recipe, list[tuple[Column, Record]]]]) -> list[Cost]:
    """The costs of all columns that were computed, those that Table IV shares with seeds once."""
    result, counted = [], set[str]()
    for recipe, found in studies:
        for column in recipe.columns:
            key = column.cell(1).key
            if recipe.kind == "seeds" and key in counted:
                continue
            counted.add(key)
            mine = [record for one, record in found if one.key == column.key]
            mine = [record for record in mine if "connected_minima" in record.numbers]
            if mine:
                result.append(cost(recipe, column, mine))
    return result


def to_markdown(found: Sequence[Cost]) -> str:
    """A table with a row for each column of a study, and the planned time of all together."""
    head = (
        "study",
        "column",
        "draws",
        "CPU minutes each",
        "minima",
        "connected",
        "transition states",
        "CPU s a minimum, late",
        "CPU s a transition state, late",
        "CPU s a connected minimum",
        "planned CPU minutes",
        "CPU minutes to the paper's minima, connected",
    )
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for one in found:
        counts = (one.minima, one.connected, one.transition_states)
        rates = (one.per_minimum, one.per_transition_state, one.per_connected)
        fields = [
            one.study,
            one.column,
            str(one.draws),
            f"{one.minutes:.1f}",
            *(f"{value:,.0f}" for value in counts),
            *("none found" if math.isinf(value) else f"{value:.3g}" for value in rates),
            f"{one.planned:,.0f}",
            "" if math.isnan(one.to_the_paper) else f"{one.to_the_paper:,.0f}",
        ]
        lines.append(markdown_row(fields))
    hours = sum(one.planned for one in found if math.isfinite(one.planned)) / 60
    return (
        "\n".join(lines)
        + f"\n\nAll of these together are planned to take {hours:,.0f} CPU hours.\n"
    )
