"""`lossatlas auc`: how well each minimum classifies."""

from enum import StrEnum
from typing import Annotated

import typer

from lossatlas.cli.arguments import AtlasArgument, JsonOption, ended_cleanly


class AucRule(StrEnum):
    """Rules by which an AUC is computed."""

    RANK = "rank"
    THRESHOLD = "threshold"


@ended_cleanly
def auc(
    atlas: AtlasArgument,
    positive_class: Annotated[
        int, typer.Option(min=0, help="The class to tell from all others.")
    ] = 0,
    macro: Annotated[bool, typer.Option("--macro", help="Mean over all classes instead.")] = False,
    rule: Annotated[
        AucRule,
        typer.Option(help="rank: exact; threshold: the 101 thresholds of the Fortran programs."),
    ] = AucRule.RANK,
    as_json: JsonOption = False,
) -> None:
    """Compute the AUC of every minimum.

    The values, on training and on test data, become columns of the atlas: train_auc and
    test_auc; where training labels were changed, incorrect_auc and correct_auc too, on the
    changed items by their new labels and on the others. Other classes and rules have columns of
    their own. Exploring does it for class 0 when it ends.
    """
    from lossatlas.cli.runtime import set_up_jax

    set_up_jax()
    from lossatlas.analysis.auc_columns import compute_auc
    from lossatlas.atlas import Atlas
    from lossatlas.cli.output import counted, show_json
    from lossatlas.studies.problem import landscape_of

    with Atlas.open(atlas) as opened:
        opened.check_writable()
        landscape = landscape_of(opened.problem)
        counts = compute_auc(opened, landscape, "macro" if macro else positive_class, rule.value)
    if as_json:
        show_json(counts)
        return
    for name, number in counts.items():
        typer.echo(f"{name}: {counted(number, 'minimum', 'minima')}")
