"""Whether the global minima of Table IV are known: the lowest losses by several seeds of searches.

Searches with other seeds on the same landscape should end with the same lowest minimum. The table
says how far they are apart, and how late the lowest minimum of each was found: if it
was among the last, a lower one may follow.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lossatlas.paper.exploring import Record
from lossatlas.paper.points import load_points
from lossatlas.paper.provenance import setting_of
from lossatlas.paper.recipes import Column, Recipe
from lossatlas.paper.tables import markdown_row

SAME_LOSS = 1e-6
"""Difference of losses up to which lowest minima count as one."""
LOWEST_TEXT = """\
The landscapes of Table IV, each searched with several seeds for the searches and the same data.
*Gap* is the distance of the lowest loss from the lowest of all seeds. *Found as* is the number of
the lowest minimum in the order in which minima were found.
"""
COLUMNS = ("gmin_loss", "test_gmin_auc", "connected_minima")


class Lowest(NamedTuple):
    """The lowest minimum of a landscape by one seed.

    Attributes:
        column: the column of the study.
        record: the results.
        gap: its loss less the lowest loss of all seeds.
        found_as: its number in the order in which minima were found, from 1.
    """

    column: Column
    record: Record
    gap: float
    found_as: int


def lowest(found: Sequence[tuple[Column, Record]]) -> list[Lowest]:
    """The lowest minima by seed, with their gaps.

    Args:
        found: the results of a study of several seeds; the name of a column begins with that of the
            network.
    """
    result = []
    for column, record in found:
        losses = [
            other.numbers["gmin_loss"]
            for one, other in found
            if (_network(one), other.cell.draw) == (_network(column), record.cell.draw)
        ]
        place = int(np.argmin(load_points(record.folder / "points.npz").minimum_energies)) + 1
        gap = record.numbers["gmin_loss"] - min(losses)
        result.append(Lowest(column, record, gap, place))
    return result


def _network(column: Column) -> str:
    return column.key.split("-")[0]


def to_markdown(recipe: Recipe, found: Sequence[Lowest]) -> str:
    """A table of the lowest minima of a study, and which of them count as established."""
    if not found:
        return f"## {recipe.title}\n\nNot run.\n"
    head = (
        *("", "lowest loss", "gap", "testing AUC", "found as", "minima"),
        *("connected", "transition states", "CPU minutes"),
    )
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for column, record, gap, found_as in found:
        loss, auc, connected = (record.numbers[name] for name in COLUMNS)
        fields = (
            *(
                f"{column.label}, draw {record.cell.draw}",
                f"{loss:.6f}",
                f"{gap:.6f}",
                f"{auc:.3f}",
                f"{found_as:,}",
            ),
            *(f"{record.effort.minima:,}", f"{connected:,.0f}"),
            *(f"{record.effort.transition_states:,}", f"{record.effort.cpu_seconds / 60:.1f}"),
        )
        lines.append(markdown_row(fields))
    return f"## {recipe.title}\n\n" + "\n".join(lines) + f"\n\n{_verdicts(recipe, found)}\n"


def _verdicts(recipe: Recipe, found: Sequence[Lowest]) -> str:
    """For each network and draw, whether all seeds have the same lowest loss."""
    texts = []
    for draw in dict.fromkeys(one.record.cell.draw for one in found):
        for network in dict.fromkeys(map(_network, recipe.columns)):
            mine = [
                one
                for one in found
                if (_network(one.column), one.record.cell.draw) == (network, draw)
            ]
            seeds = sum(_network(column) == network for column in recipe.columns)
            texts.append(f"{network} hidden layers, draw {draw}: {_verdict(mine, seeds)}.")
    return " ".join(texts)


def _verdict(found: Sequence[Lowest], seeds: int) -> str:
    gaps = [one.gap for one in found]
    if len({setting_of(one.record.about) for one in found}) > 1:
        return "not compared, since the landscapes were computed in several ways"
    if len(gaps) < seeds:
        return f"{len(gaps)} of {seeds} seeds were run"
    if max(gaps) <= SAME_LOSS:
        return "the lowest loss is the same with all seeds"
    return f"the lowest losses are up to {max(gaps):.2g} apart, so the lowest is not established"


def to_csv(found: Sequence[tuple[Recipe, Sequence[Lowest]]]) -> str:
    """The lowest minima as CSV, with one line for each seed."""
    lines = ["study,column,draw,loss,gap,found_as,minima,cpu_seconds"]
    for recipe, some in found:
        for column, record, gap, found_as in some:
            loss, effort = record.numbers["gmin_loss"], record.effort
            numbers = f"{loss:.9g},{gap:.3g},{found_as},{effort.minima},{effort.cpu_seconds:.1f}"
            lines.append(f"{recipe.name},{column.key},{record.cell.draw},{numbers}")
    return "\n".join(lines) + "\n"
