"""The pages of results: what the paper says and what was found, with details on further pages."""

import math
from collections.abc import Sequence
from pathlib import Path

from lossatlas.paper import budget, claims_report, differences, tables
from lossatlas.paper.artifacts import ARTIFACTS, PICTURES_ONLY, Artifact
from lossatlas.paper.exploring import Record, records
from lossatlas.paper.recipes import Column, Recipe, Scale, recipes
from lossatlas.paper.tables import markdown_row

Study = tuple[Recipe, list[tuple[Column, Record]]]
PART = {"train": "training", "test": "testing"}


def pages(scale: Scale, folder: Path) -> dict[str, str]:
    """Make the pages as Markdown; they refer to tables and pictures in the same folder.

    Args:
        scale: the scale of the cells.
        folder: folder of the whole reproduction, whose cells are shown.

    Returns:
        The texts by names of files: ``index.md``, ``landscapes.md``, ``budget.md`` and, at the
        scale of the paper, ``differences.md``.
    """
    studies = {name: (recipe, records(recipe, folder)) for name, recipe in recipes(scale).items()}
    there = {record.cell.key: record for _, found in studies.values() for _, record in found}
    found = claims_report.verdicts(scale, folder)
    parts = [
        _head(scale, list(there.values())),
        FINDINGS_TEXT,
        claims_report.overview(found),
        "![All statements](claims.png)\n",
        READING_TEXT,
        *(_section(a, studies) for a in ARTIFACTS if a.kind != "claims"),
    ]
    landscapes = sorted(there.values(), key=lambda record: record.cell.name)
    result = {
        "index.md": "\n".join(part for part in parts if part),
        "landscapes.md": f"# Landscapes\n\n{LANDSCAPES_TEXT}\n{_landscapes(landscapes)}",
        "budget.md": f"# What it costs\n\n{BUDGET_TEXT}\n"
        + budget.to_markdown(budget.costs(studies.values())),
    }
    if scale.name == "paper":  # networks of another scale cannot be compared with the paper
        every = (e for recipe, some in studies.values() for e in tables.entries(recipe, some))
        result["differences.md"] = f"# Differences\n\n{differences.to_markdown(every)}"
    return result


FINDINGS_TEXT = """\
## What the paper says, what we find, how sure

Tested by [the plan](plan.md), which was written down before; means, intervals, p-values and draws
are [on a page of their own](claims.md). The unit is the random draw, and columns of one draw are
compared with each other. p-values are corrected within each table (Holm). *No difference* means
that the mean lies within the margin. Counts that are only bounds stay undecided unless the bounds
order them. *Pilot* means that the draws are those that planned the tests. In the picture means and
95 % intervals stand in units of the margin.
"""
READING_TEXT = """\
## How to read the numbers

* **Uniform noise inverts.** With a share f of changed labels among C classes the probability of
  class 0 becomes f/(C-1) + (1 - fC/(C-1)) p. The ideal AUC against clean labels is unchanged below
  f = 3/4 with four classes, and turned around above. A testing AUC below one half at 100 % is what
  was learned, correctly. The entropy of the labels is largest at 75 %, so the loss may fall beyond
  it, as the paper's own Table II shows (1.285 at 50 %, 1.236 at 100 %).
* **Merging at 1e-4.** That the paper's programs took points for one whose losses differ by less
  than 1e-4 cannot be: it would leave a few of hundreds of minima. The rows of merged minima say how
  many.
* **Spreads of MNIST.** Spreads over minima are ten to forty times smaller than the paper prints.
  Pooled over minima and the ten classes they come near: the paper's spreads are spreads over
  classes.
* **Chains of three quenches** at a temperature of 2 are multistart in all but name: nearly every
  step is accepted, so what is found does not depend on the chain.
* **Probabilities of ending at a known minimum** weigh minima by their basins. Lower bounds of
  numbers of points are the larger of Chao1's bound and the count.
* **Trees** are those of the symmetry quotient: copies of a minimum are one branch. Identity by |w|
  and logits is safe for networks with equal units too, since |w| fixes how outgoing weights are
  shared among them: of all ways to share, only equal ones are stationary (Sussmann's theorem alone
  needs irreducible networks).
* **Counts grow with time.** Landscapes that ran out of time have lower bounds;
  [the table of costs](budget.md) says at which rate they were growing. Those of layers with few
  items are grown as one connected set (`--aim connected`).
* [Differences](differences.md) to the printed numbers; [all landscapes](landscapes.md) with their
  time, coverage and searches.
"""
BUDGET_TEXT = """\
CPU seconds for each point as measured on the landscapes that there are, means over draws, and what
the studies are planned to take. *Late* is the last half of the time of a landscape. Landscapes that
need more time than they had are lower bounds until they are continued.
"""
IDEAL_TEXT = """\
What a classifier could reach that knew the probabilities of the noisy labels, against the true
labels: [the table](ideal-auc.md), by two estimators from half of the items each, with their
difference as error. Uniform noise among four classes turns the order of the items round above 75 %:
with the true probability p of the triangle an item is given its label with f/3 + (1 - 4f/3) p. So a
testing AUC far below one half at 100 % is what was learned, correctly. The entropy of the labels is
largest at 75 %, where nothing can be learned, and the loss may fall beyond it.
"""
LANDSCAPES_TEXT = """\
Every landscape that was explored. Draw d has the seed d for the data, for the wrong labels and for
the searches. *Known* is the probability, with its 95 % interval, that an independent search (a
quench from a random start; a climb from a random minimum along a random soft mode) ends at a point
that the atlas holds. The files `cells/*/cell.json` hold all settings and numbers.
"""


def _head(scale: Scale, there: Sequence[Record]) -> str:
    minutes = sum(record.effort.cpu_seconds for record in there) / 60.0
    versions = sorted({_versions(record) for record in there})
    devices = sorted({record.about["device"] for record in there})
    other_size = "**Networks and data are smaller here than in the paper: its numbers differ.**"
    lines = [
        "# The paper, reproduced\n",
        "*Perspective: New Insights From Loss Function Landscapes of Neural Networks*, Mach. "
        "Learn.: Sci. Technol. **1**, 023002 (2020). This page is written by\n",
        f"```\nlossatlas reproduce all --scale {scale.name} -o docs/results\n```\n",
        f"from {len(there)} landscapes, {minutes:.0f} minutes of CPU time in all"
        + (f" ({', '.join(devices)}; {'; '.join(versions)})." if there else "."),
        "Given again, the command goes on with those that have had less than their time "
        "([each of them](landscapes.md)), and with those that are missing; with `--no-explore` it "
        "only writes these pages again.",
        *([] if scale.name == "paper" else [f"\n{other_size}"]),
        "\nIn tables *paper / ours*: ours is the mean over random draws ± their standard deviation "
        "(range); a single number is that of one draw. AUC is that of class 0, the equilateral "
        "triangle, by the 101 thresholds of the paper's programs; with MNIST the exact AUC, mean "
        "over the ten classes. Losses include the L2 term. Means and standard deviations over "
        "minima are unweighted, every distinct minimum counted once.\n",
    ]
    return "\n".join(lines)


def _versions(record: Record) -> str:
    return ", ".join(f"{name} {number}" for name, number in record.about["versions"].items())


def _section(artifact: Artifact, studies: dict[str, Study]) -> str:
    chosen = [studies[name] for name in artifact.recipes if name in studies]
    lines = [f"## {artifact.title}\n"]
    if artifact.kind == "ideal":
        return "\n".join([*lines, IDEAL_TEXT])
    if not chosen:
        return ""
    figures = ("trees", "boxes", "growth", *PICTURES_ONLY)
    if artifact.kind in figures and any(found for _, found in chosen):
        lines.append(f"![{artifact.title}]({artifact.name}.png)\n\n*{caption(artifact)}*\n")
    if artifact.kind not in PICTURES_ONLY:
        lines.append(f"[The numbers]({artifact.name}.md)\n")
    return "\n".join(lines)


def caption(artifact: Artifact) -> str:
    """The caption of a figure."""
    if artifact.kind == "boxes":
        return (
            "AUC of the minima sampled, by percentage of wrong labels. Boxes: quartiles and "
            "median; whiskers: outermost values within 1.5 interquartile ranges of the box. "
            "Diamonds: mean and standard deviation that the paper prints."
        )
    if artifact.kind == "clouds":
        return (
            "Training (dark circles) and testing AUC (light triangles) of the minima of the "
            "median draw; open marks: not connected to the lowest minimum."
        )
    if artifact.kind == "persistence":
        return (
            "Share of minima in the global minimum's funnel, by the persistence from which on a "
            "bottom counts as a rival (tau, in parts of the range R). Bands: the bounds of each "
            "draw, where unconnected minima count as outside (solid) and inside (dotted); black: "
            "means over draws. Vertical: the threshold that decides."
        )
    if artifact.kind == "growth":
        return (
            "Minima and transition states found against CPU time, median draw, both scales "
            "logarithmic; star: minima connected to the lowest one in the end; dashed: the numbers "
            "of the paper's databases."
        )
    return (
        f"Disconnectivity graphs, colored by {PART[artifact.color]} AUC (dark low, light high), "
        "each with its own scale of the loss and its own colors. Shown is the draw with the median "
        "lowest loss. Only minima connected to the lowest one are drawn, and what lies far above "
        "most of them is cut off; the titles say how many are left. Trees are those of the "
        "symmetry quotient: copies of a minimum are one branch."
    )


def _landscapes(there: Sequence[Record]) -> str:
    head = (
        "landscape",
        "minima",
        "connected",
        "transition states",
        "known minima",
        "known transition states",
        "quenches",
        "searches",
        "ended by",
        "CPU minutes",
    )
    rows = [
        (
            record.cell.name,
            f"{record.effort.minima:,}",
            f"{record.numbers.get('connected_minima', math.nan):,.0f}",
            f"{record.effort.transition_states:,}",
            _known(record, "minima"),
            _known(record, "transition states"),
            f"{record.about['quenches']:,}",
            f"{record.effort.attempts:,}",
            record.effort.reason,
            f"{record.effort.cpu_seconds / 60.0:.1f}",
        )
        for record in there
    ]
    lines = [markdown_row(row) for row in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines) + "\n"


def _known(record: Record, points: str) -> str:
    for stream in record.about["completeness"]:
        if stream["points"] == points:
            low, high = stream["atlas_coverage_low"], stream["atlas_coverage_high"]
            return f"{stream['atlas_coverage']:.3f} ({low:.3f} to {high:.3f})"
    return ""
