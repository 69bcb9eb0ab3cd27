"""The command `lossatlas auc`, which computes how well each minimum classifies."""

from enum import StrEnum
from typing import Annotated

import typer

from lossatlas.cli.arguments import AtlasArgument, JsonOption, ended_cleanly
from lossatlas.cli.landscapes import LandscapeOption, landscape_for
from lossatlas.errors import BadInputError


class AucRule(StrEnum):
    """The rules by which an AUC can be computed."""

    RANK = "rank"
    THRESHOLD = "threshold"


@ended_cleanly
def auc(
    atlas: AtlasArgument,
    positive_class: Annotated[
        int, typer.Option(min=0, help="Number of the class to tell from all others, from 0.")
    ] = 0,
    macro: Annotated[
        bool, typer.Option("--macro", help="Take the mean over all classes instead.")
    ] = False,
    rule: Annotated[
        AucRule,
        typer.Option(
            help="rank computes the exact AUC; threshold uses the 101 thresholds of the Fortran "
            "programs."
        ),
    ] = AucRule.RANK,
    landscape_file: LandscapeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute the AUC of every minimum.

    The values on training and testing data become the columns train_auc and test_auc of the atlas.
    If training labels were changed, there are also the columns incorrect_auc on the changed items,
    with their new labels, and correct_auc on the others. Other classes and rules have columns of
    their own. An exploration computes the AUC of class 0 when it ends. The AUC of a class is
    undefined if the class was never trained or is not tested; the mean over classes leaves such
    classes out.
    """
    from lossatlas.lanes.runtime import configure

    configure()
    from lossatlas.analysis.auc_columns import (
        class_name,
        compute_auc,
        left_out_of_macro_auc,
        undefined_auc,
    )
    from lossatlas.atlas import Atlas

    chosen = "macro" if macro else positive_class
    with Atlas.open(atlas) as opened:
        opened.check_writable()
        problem = opened.problem
        landscape = landscape_for(opened, landscape_file)
        if "train_labels" not in problem.arrays:
            remedy = "use lossatlas metrics"
            raise BadInputError(atlas, "its network predicts numbers, not classes", remedy)
        _check_class(positive_class, len(problem.specification["classes"]))
        counts = compute_auc(opened, landscape, chosen, rule.value)
    undefined = undefined_auc(problem, chosen, rule.value)
    left_out = left_out_of_macro_auc(problem) if macro else {}
    if as_json:
        _show_json(counts, undefined, left_out)
    else:
        _show(counts, undefined, {class_name(problem, k): why for k, why in left_out.items()})


def _check_class(positive_class: int, n_classes: int) -> None:
    if positive_class >= n_classes:
        raise BadInputError(
            f"--positive-class {positive_class}",
            f"the data have {n_classes} classes, numbered from 0",
            f"use 0 to {n_classes - 1}",
        )


def _show_json(counts: dict[str, int], undefined: dict[str, str], left_out: dict[int, str]) -> None:
    from lossatlas.cli.output import show_json

    shown = {name: None if name in undefined else number for name, number in counts.items()}
    notes = {"undefined": undefined, "left_out": left_out}
    show_json({**shown, **{name: note for name, note in notes.items() if note}})


def _show(counts: dict[str, int], undefined: dict[str, str], left_out: dict[str, str]) -> None:
    from lossatlas.shown import counted

    for name, number in counts.items():
        if name in undefined:
            typer.echo(f"{name}: undefined, since {undefined[name]}")
        else:
            typer.echo(f"{name}: {counted(number, 'minimum', 'minima')}")
    for name, why in left_out.items():
        typer.echo(f"left out of the mean over classes: class {name}, since {why}")
