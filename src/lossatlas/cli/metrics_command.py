"""The command `lossatlas metrics`: how well each minimum predicts, and one minimum in detail."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from lossatlas.cli.arguments import AtlasArgument, JsonOption, ended_cleanly
from lossatlas.cli.landscapes import LandscapeOption, landscape_for

if TYPE_CHECKING:
    from lossatlas.analysis.measure_columns import Prediction


class Group(StrEnum):
    """The groups of items."""

    TRAIN = "train"
    TEST = "test"


@ended_cleanly
def metrics(
    atlas: AtlasArgument,
    minimum: Annotated[
        int | None,
        typer.Option(
            min=1, help="Show the confusion matrix and ROC of the minimum with this id instead."
        ),
    ] = None,
    group: Annotated[Group, typer.Option(help="The items that --minimum evaluates.")] = Group.TEST,
    landscape_file: LandscapeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute how well every minimum predicts.

    The values become columns of the atlas, for training and for testing data: the loss without the
    penalty (train_data_loss, test_data_loss), and accuracy and balanced accuracy, or, if numbers
    are predicted, R2 and the root mean squared error (rmse). An exploration computes them when it
    ends. With --minimum nothing is stored: the confusion matrix of the minimum and the AUC of each
    class are shown, and with --json the points of the ROC curves too.
    """
    from lossatlas.lanes.runtime import configure

    configure()
    from lossatlas.analysis.measure_columns import compute_measures, prediction
    from lossatlas.atlas import Atlas

    with Atlas.open(atlas) as opened:
        landscape = landscape_for(opened, landscape_file)
        if minimum is not None:
            _show_prediction(prediction(opened, landscape, minimum, group.value), as_json)
            return
        opened.check_writable()
        counts = compute_measures(opened, landscape)
    _show_counts(counts, as_json)


def _show_counts(counts: dict[str, int], as_json: bool) -> None:
    from lossatlas.cli.output import show_json
    from lossatlas.shown import counted

    if as_json:
        show_json(counts)
        return
    for name, number in counts.items():
        typer.echo(f"{name}: {counted(number, 'minimum', 'minima')}")


def _show_prediction(found: "Prediction", as_json: bool) -> None:
    import numpy as np

    from lossatlas.cli.output import show_json

    areas = [
        None if curve is None else float(np.trapezoid(curve.true_rate, curve.false_rate))
        for curve in found.roc
    ]
    if as_json:
        curves = [
            None if curve is None else {name: part.tolist() for name, part in _finite(curve)}
            for curve in found.roc
        ]
        fields = {"classes": found.classes, "confusion": found.confusion.tolist()}
        show_json({**fields, "auc": areas, "roc": curves})
        return
    width = max(len(name) for name in (*found.classes, "class"))
    cells = max(7, *(len(name) for name in found.classes)) + 2
    typer.echo("rows: the class of an item; columns: the class that the network gives it")
    heads = "".join(name.rjust(cells) for name in (*found.classes, "AUC"))
    typer.echo("class".ljust(width) + heads)
    for name, row, area in zip(found.classes, found.confusion.tolist(), areas, strict=True):
        numbers = "".join(str(number).rjust(cells) for number in row)
        shown = "none" if area is None else f"{area:.4f}"
        typer.echo(name.ljust(width) + numbers + shown.rjust(cells))


def _finite(curve):
    """The parts of a curve without its first threshold, which is infinite and not part of JSON."""
    parts = curve._asdict()
    return {**parts, "thresholds": parts["thresholds"][1:]}.items()
