"""The commands `lossatlas minima` and `lossatlas transition-states`, which show tables."""

from typing import TYPE_CHECKING, Annotated

import typer

from lossatlas.cli.arguments import AtlasArgument, JsonOption, ended_cleanly
from lossatlas.cli.numbers import not_negative

if TYPE_CHECKING:
    from pandas import DataFrame
    from sqlalchemy import Connection

    from lossatlas.network.points import Network

CsvOption = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]
LimitOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Number of rows to print, 0 for all; default 20, or all with --json or --csv.",
    ),
]

MergeOption = Annotated[
    float | None,
    typer.Option(
        callback=not_negative("1e-4"),
        help="Merge points whose losses differ by less than this tolerance, e.g. 1e-4.",
    ),
]

OutsideOption = Annotated[
    bool,
    typer.Option(
        "--outside", help="Include points outside of the box of a function, marked as such."
    ),
]

ALWAYS_SHOWN = ("train_auc", "test_auc")
"""Columns of the minima that are shown even before they are computed, if there are classes."""
AUC_GROUPS = ("train", "test", "incorrect", "correct")
"""First parts of the names of columns that are shown last."""


@ended_cleanly
def minima(
    atlas: AtlasArgument,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    limit: LimitOption = None,
    merge: MergeOption = None,
    outside: OutsideOption = False,
) -> None:
    """List the minima, the lowest first.

    The columns are the id, the loss, the lowest eigenvalue of the Hessian, the number of symmetry
    copies, how often the minimum was found, the RMS gradient, the AUC on training and testing data
    (if labels were changed, also on the incorrect and the correct part of the training data), and
    whatever else was computed, such as accuracies, or errors if numbers are predicted. Minima
    outside of the box of a function are left out unless --outside is given.

    With --merge, minima are counted as by a program that tells them apart only by their loss: a
    chain of minima, each closer in loss to the next than the tolerance, counts as one.
    """
    from lossatlas.atlas import Atlas, tables
    from lossatlas.cli.output import show_table

    with Atlas.open(atlas) as opened, opened.reading() as connection:
        frame = tables.minima(connection, outside=outside)
        if merge is not None:
            frame = _merged_minima(frame, _network(connection, outside), merge)
    others = [name for name in frame.columns if name.split("_")[0] not in AUC_GROUPS]
    computed = [name for name in frame.columns if name not in (*others, *ALWAYS_SHOWN)]
    last = [] if merge is None else ["merged"]
    others = [name for name in others if name not in last]
    first = () if any(name.endswith("_rmse") for name in computed) else ALWAYS_SHOWN
    frame = frame.reindex(columns=[*others, *first, *computed, *last])
    frame = frame.sort_values(by=["loss", "id"])
    show_table(frame, as_json=as_json, as_csv=as_csv, limit=limit)


@ended_cleanly
def transition_states(
    atlas: AtlasArgument,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    limit: LimitOption = None,
    merge: MergeOption = None,
    outside: OutsideOption = False,
) -> None:
    """List the transition states, the lowest first.

    The columns include the id, the loss, the curvature (the negative eigenvalue of the Hessian) and
    the ids of the two minima that it joins, which are the same for a degenerate rearrangement.
    Transition states that lie outside of the box of a function, or join a minimum there, are left
    out unless --outside is given.

    With --merge, the minima are merged as by the command minima. Transition states that then join
    the same minima, and whose losses differ by less than the tolerance, count as one.
    """
    from lossatlas.atlas import Atlas, tables
    from lossatlas.cli.output import show_table

    with Atlas.open(atlas) as opened, opened.reading() as connection:
        frame = tables.transition_states(connection, outside=outside)
        if merge is not None:
            frame = _merged_transition_states(frame, _network(connection, outside), merge)
    frame = frame.sort_values(["loss", "id"])
    show_table(frame, as_json=as_json, as_csv=as_csv, limit=limit)


def _network(connection: "Connection", outside: bool) -> "Network":
    from lossatlas.atlas.network import read_network

    reading = read_network(connection)
    return reading.network if outside else reading.inside()


def _merged_minima(frame: "DataFrame", network: "Network", tolerance: float) -> "DataFrame":
    """The rows of the minima that remain, with the number of minima that each represents."""
    from lossatlas.analysis.merging import merge_points

    merged = merge_points(network, tolerance)
    kept = frame[frame["id"].isin(merged.minimum_ids.tolist())]
    return kept.assign(merged=merged.columns["merged"])


def _merged_transition_states(
    frame: "DataFrame", network: "Network", tolerance: float
) -> "DataFrame":
    """The rows of the transition states that remain, with the merged minima that they join."""
    from lossatlas.analysis.merging import merge_points

    merged = merge_points(network, tolerance)
    kept = frame[frame["id"].isin(merged.transition_state_ids.tolist())]
    return kept.assign(
        minimum_1=merged.minimum_ids[merged.minimum_1],
        minimum_2=merged.minimum_ids[merged.minimum_2],
        degenerate=merged.degenerate,
        merged=merged.transition_state_columns["merged"],
    )
