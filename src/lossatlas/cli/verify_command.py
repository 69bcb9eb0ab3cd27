"""The command `lossatlas verify`, which computes everything again that an atlas claims."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lossatlas.cli import signals
from lossatlas.cli.arguments import (
    FAILED_VERIFICATION,
    AtlasArgument,
    JsonOption,
    ended_cleanly,
    note,
)
from lossatlas.cli.landscapes import LandscapeOption, landscape_for
from lossatlas.cli.workers import ClusterOption, check_cluster, workers_of
from lossatlas.errors import AtlasError, BadInputError

if TYPE_CHECKING:
    from lossatlas.exploration.verification import Verification

SAMPLE_WITH_FLOW = 20
"""Default size of the sample with --flow, since a general ODE solver takes seconds for a link."""


@ended_cleanly
def verify(
    atlas: AtlasArgument,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of minima and of transition states to check, drawn at random; default "
            f"all, or {SAMPLE_WITH_FLOW} with --flow.",
        ),
    ] = None,
    flow: Annotated[
        bool, typer.Option("--flow", help="Follow links by a general ODE integrator instead.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random sample.")] = 0,
    trust_confirmed: Annotated[
        bool,
        typer.Option(
            "--trust-confirmed",
            help="Do not follow links again that the search followed as tightly; their number is "
            "shown.",
        ),
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record in this file what was verified, and skip what it already records.",
        ),
    ] = None,
    cluster: ClusterOption = None,
    landscape_file: LandscapeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute again what an atlas claims.

    First, it checks that every row is as it was written, that all rows fit together and that no
    point is stored twice. Then everything is computed from the stored weights alone: the gradient,
    Hessian index, spectrum, log-determinant, invariants and orbit size of points, the columns of
    AUC, and the minima to which the two paths from every transition state lead, which are followed
    more carefully than when they were found. The exit code is 1 if anything differs from what is
    stored. Ctrl-C shows what was checked until then; with --resume, the next verification goes on
    from there.
    """
    if flow and trust_confirmed:
        problem = "the links that it trusts were not followed by the integrator of --flow"
        raise BadInputError("--trust-confirmed", problem, "use one of the two")
    check_cluster(cluster)
    from lossatlas.lanes.runtime import configure

    configure()
    from lossatlas.atlas import Atlas
    from lossatlas.cli.output import show_json
    from lossatlas.exploration.display import progress_bar
    from lossatlas.exploration.verification import nothing_checked, verify as verify_atlas

    sample = SAMPLE_WITH_FLOW if flow and sample is None else sample
    with Atlas.open(atlas) as opened, progress_bar("verifying") as report:
        try:
            landscape = landscape_for(opened, landscape_file)
        except AtlasError as error:
            damaged = opened.check()
            if not damaged:
                raise
            found = nothing_checked(damaged, error)
        else:
            with workers_of(cluster) as executor:
                found = verify_atlas(
                    landscape,
                    opened,
                    sample,
                    flow,
                    seed,
                    report,
                    trust_confirmed=trust_confirmed,
                    executor=executor,
                    resume=resume,
                )
    if as_json:
        show_json(found._asdict())
    else:
        _show(found)
    if found.interrupted:
        note(f"{signals.stopped_by()}; the result is partial, not all points were checked")
        raise typer.Exit(signals.exit_code())
    if found.failures:
        raise typer.Exit(FAILED_VERIFICATION)


def _show(found: "Verification") -> None:
    from lossatlas.shown import counted

    for failure in found.failures:
        typer.echo(f"FAILED  {failure}")
    minima = counted(found.checked_minima, "minimum", "minima")
    states = counted(found.checked_transition_states, "transition state")
    links = counted(found.checked_links, "link")
    typer.echo(f"checked {minima}, {states}, {links}: {counted(len(found.failures), 'failure')}")
    if found.resumed:
        typer.echo(f"verified before: {counted(found.resumed, 'more point')}")
    for conflict in found.conflicts:
        typer.echo(f"conflict of identity: {conflict}")
    if found.trusted_links:
        trusted = counted(found.trusted_links, "more link")
        typer.echo(f"trusted {trusted}, which the search had followed as tightly")
