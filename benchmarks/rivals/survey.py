"""The cost of a new distinct transition state in a survey that begins without any points.

Degenerate transition states count on both sides. In the survey of the rival, GMIN finds minima by
basin-hopping, and PATHSAMPLE starts single-ended searches of OPTIM from each of them and stores new
points. Our survey is `explore` from an empty atlas to 200 transition states. The first transition
states of a survey are the cheapest, so a shorter survey favors the rival.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmarks.rivals import links, wales
from benchmarks.rivals.measure import (
    Context,
    Row,
    Target,
    Unavailable,
    cpu_seconds,
    run_process,
)
from benchmarks.rivals.problem import d1

from lossatlas.atlas import Atlas, Problem
from lossatlas.exploration.explorer import ExploreOptions, grow
from lossatlas.interop.pathsample import read_database
from lossatlas.landscape import NetworkLandscape

WORK = "new distinct transition state over a survey"
RIVAL = "GMIN + PATHSAMPLE + OPTIM (pylfl 0.3.5)"
TARGET = Target(ratio=50)
TRANSITION_STATES = 200
CHECKED = 30
"""Number of links of a survey that are followed again."""


def rows(context: Context) -> Iterator[Row]:
    """One row; the surveys are too long to take turns more than once in quick mode."""
    landscape = d1()
    survey_of_ours(context, landscape, seed=99, wanted=30)  # compiles the kernels
    theirs, ours, notes = [], [], []
    for turn in range(1 if context.quick else 3):
        try:
            value, note = survey_of_theirs(context, landscape, turn)
        except Unavailable as reason:
            yield Row(WORK, RIVAL, target=TARGET, skipped=str(reason))
            return
        theirs.append(value)
        notes.append(f"PATHSAMPLE: {note}")
        value, note = survey_of_ours(context, landscape, turn, TRANSITION_STATES)
        ours.append(value)
        notes.append(f"ours: {note}")
    yield Row(WORK, RIVAL, "CPU s", tuple(theirs), tuple(ours), TARGET, "; ".join(notes[:2]))


def survey_of_ours(
    context: Context, landscape: NetworkLandscape, seed: int, wanted: int
) -> tuple[float, str]:
    """CPU seconds for each transition state, and a text with the numbers of points."""
    path = context.folder("survey") / "survey.atlas"
    options = ExploreOptions(transition_states=wanted, seed=seed)
    with Atlas.create(path, Problem(landscape.fingerprint())) as atlas:
        found, seconds = cpu_seconds(lambda: grow(landscape, atlas, options))
        if found.transition_states < wanted:
            raise Unavailable(f"explore ended with {found.transition_states}: {found.reason}")
        note = f"{found.transition_states} among {found.minima} minima, all by default"
        return seconds / found.transition_states, f"{note}; {_checked(landscape, atlas)}"


def _checked(landscape: NetworkLandscape, atlas: Atlas) -> str:
    points = atlas.network()
    count = len(points.transition_state_ids)
    chosen = np.random.default_rng(0).permutation(count)[:CHECKED]
    ids = points.transition_state_ids[chosen]
    energies = points.minimum_energies
    ends = zip(energies[points.minimum_1[chosen]], energies[points.minimum_2[chosen]], strict=True)
    weights = atlas.transition_state_weights(int(i) for i in ids)
    return links.check(landscape, list(zip(weights, ends, strict=True))).text()


def survey_of_theirs(context: Context, landscape: NetworkLandscape, turn: int) -> tuple[float, str]:
    """CPU seconds for each transition state, including the search for minima, and a text."""
    programs = wales.folder_of_programs(context.environments)
    steps, cycles = (15, 8) if context.quick else (100, 250)
    gmin, folder = context.folder("gmin"), context.folder("pathsample")
    start = landscape.random_start(np.random.default_rng(turn))
    wales.prepare_gmin(gmin, landscape, start, steps=steps, seed=turn + 1, save=1000)
    used = run_process([programs / "GMIN"], gmin)
    wales.check_ran(gmin, used.returncode, "GMIN")
    minima = wales.lowest(gmin / "lowest")
    options = {"cycles": cycles, "cores": context.cores}
    wales.prepare_pathsample(folder, landscape, minima, **options)
    command, environment = [programs / "PATHSAMPLE"], wales.environment(programs)
    grown = run_process(command, folder, env=environment)
    wales.check_ran(folder, grown.returncode, "PATHSAMPLE")
    found = read_database(folder, landscape.n_weights)
    count, minima = len(found.transition_state_ids), len(found.minimum_ids)
    if count == 0:
        raise Unavailable("PATHSAMPLE found no transition state")
    short = "" if count >= TRANSITION_STATES else ", a shorter survey, which flatters it"
    return (used.cpu + grown.cpu) / count, (
        f"{count} among {minima} minima{short}; {_checked_theirs(landscape, folder)}"
    )


def _checked_theirs(landscape: NetworkLandscape, folder: Path) -> str:
    found = read_database(folder, landscape.n_weights)
    energies = found.minimum_energies
    ends = zip(energies[found.minimum_1], energies[found.minimum_2], strict=True)
    saddles = list(zip(found.transition_state_weights, ends, strict=True))[:CHECKED]
    return links.check(landscape, saddles).text()
