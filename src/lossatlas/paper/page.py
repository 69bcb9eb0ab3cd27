"""The pages of results: what the paper says and what was found, with details on further pages."""

import math
from collections.abc import Sequence
from pathlib import Path

from lossatlas.paper import budget, claims_report, differences, mnist_report, tables
from lossatlas.paper.artifacts import ARTIFACTS, PICTURES_ONLY, Artifact
from lossatlas.paper.exploring import Record, decisive, records
from lossatlas.paper.mnist_settings import scanned
from lossatlas.paper.recipes import Column, Recipe, recipes
from lossatlas.paper.scales import Scale
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
        _head(scale),
        claims_report.counted(found),
        "## What was decided\n",
        claims_report.decided(found),
        FINDINGS_TEXT,
        "![All statements](claims.png)\n",
        "## Tables and figures\n",
        TABLES_TEXT,
        *(_section(a, studies, scale, folder) for a in ARTIFACTS if a.kind != "claims"),
        READING_TEXT,
        _origin(scale, list(there.values())),
    ]
    landscapes = sorted(there.values(), key=lambda record: record.cell.name)
    result = {
        "index.md": "\n".join(part for part in parts if part),
        "landscapes.md": f"# Landscapes\n\n{LANDSCAPES_TEXT}\n{_landscapes(landscapes)}",
        "budget.md": f"# What it costs\n\n{BUDGET_TEXT}\n"
        + budget.to_markdown(budget.costs(studies.values())),
    }
    if scale.name == "paper":  # networks of another scale cannot be compared with the paper
        tabled = [study for study in studies.values() if study[0].kind in tables.ROWS]
        shown = ((recipe, decisive(some)) for recipe, some in tabled)
        every = (e for recipe, some in shown for e in tables.entries(recipe, some))
        result["differences.md"] = f"# Differences\n\n{differences.to_markdown(every)}"
    return result


FINDINGS_TEXT = """\
A mean is positive where it speaks for the statement. It is the mean over random draws, in each of
which the columns of a table are compared with each other. The margins and tests were
[written down](plan.md) before they were made, and p-values are corrected within each table of the
paper (Holm). *No difference* means that the mean lies within the margin. *Pilot* means that the
draws are those by which the tests were planned.

[All statements](claims.md) are on a page of their own, with means, intervals, p-values and the
number of draws that a verdict would need. A statement about numbers of points stays undecided
where landscapes ran out of time: they have at least as many points as were found, and such lower
bounds do not say which column has more. In the picture means and 95 % intervals are in units of the
margin.
"""
TABLES_TEXT = """\
Each is computed from nothing; the link below it leads to its numbers beside those of the paper.
There *paper / ours* gives the mean over random draws ± their standard deviation, and the range; a
single number is that of one draw. AUC is that of class 0, the equilateral triangle, by the 101
thresholds of the paper's programs; with MNIST it is the exact AUC, mean over the ten classes.
Losses include the L2 term. Means and standard deviations over minima are unweighted, with every
distinct minimum counted once.
"""
READING_TEXT = """\
## How to read the numbers

* **Uniform noise turns the order around.** With a share f of changed labels among C classes the
  probability of class 0 becomes f/(C-1) + (1 - fC/(C-1)) p. With four classes the ideal AUC against
  clean labels is unchanged below f = 3/4, and turned around above. So a testing AUC below one half
  at 100 % shows that the wrong labels were learned, correctly. The entropy of the labels is largest
  at 75 %, so the loss may fall beyond it, as the paper's own Table II shows (1.285 at 50 %, 1.236
  at 100 %).
* **Merging at 1e-4.** The paper's programs cannot have taken all points for one whose losses differ
  by less than 1e-4: this would leave a few of hundreds of minima. The rows of merged minima say how
  many.
* **Spreads of MNIST.** With standardized pixels spreads of the macro AUC over minima are about ten
  times smaller than the paper prints, and pooled over minima and the ten classes they come near.
  With the printed lambda and pixels from 0 to 255 spreads of the AUC of class 0 over minima are of
  the printed order too. Which it was stays open: [settings of MNIST](mnist-scan.md).
* **Chains of three quenches** at a temperature of 2 are nearly independent starts: almost every
  step is accepted, so what is found does not depend on the chain.
* **Probabilities of ending at a known minimum** weight minima by their basins. Lower bounds of
  numbers of points are the larger one of Chao1's bound and the count.
* **Trees** have their own scale of the loss and their own colors each. Only minima connected to the
  lowest one are drawn, and what lies far above most of them is cut off; the titles say how many are
  left. Each minimum is shown once, whatever the number of its symmetry copies. Comparing |w| and
  the outputs before the softmax tells minima with equal units apart too, since |w| fixes how
  outgoing weights are shared among equal units: of all ways to share them, only equal shares are
  stationary (Sussmann's theorem alone needs irreducible networks).
* **Separate searches** do not depend on how long an exploration took. Landscapes of Tables I and II
  get equally many quenches from random starts and climbs from a list of minima, and [numbers of
  points](richness.md) are compared at equal coverage, the probability that one more search ends at
  a point that was found. They are Hill numbers: those of order 0 count all points alike, those of
  order 1 and 2 mainly common ones.
* **Counts grow with time.** Landscapes that ran out of time have lower bounds;
  [the table of costs](budget.md) says at which rate they were growing. Landscapes of several layers
  with few items are grown as one connected set (`--aim connected`).
* [Differences](differences.md) to the printed numbers; [all landscapes](landscapes.md) with their
  time, coverage and searches.
"""
BUDGET_TEXT = """\
CPU seconds for each point as measured on the landscapes that there are, means over draws, and what
the studies are planned to take. *Late* is the last half of the time of a landscape. Landscapes that
need more time than they had are lower bounds until they are continued.
"""
IDEAL_TEXT = """\
A classifier that knew the probabilities of the noisy labels would have this AUC against the true
labels: [the table](ideal-auc.md). It has two estimates from half of the items each, and their
difference as the error. Uniform noise among four classes turns the order of the items around above
75 %: an item that is a triangle with the probability p is given that label with the probability
f/3 + (1 - 4f/3) p. So a testing AUC far below one half at 100 % shows that the wrong labels were
learned, correctly. The entropy of the labels is largest at 75 %, where nothing can be learned, and
the loss may fall beyond it.
"""
SCAN_TEXT = """\
What the paper leaves open about MNIST (scaling of the pixels, lambda, tolerance of a minimization,
average over the classes) was scanned together: [the nearest settings](mnist-scan.md).

![Settings of MNIST](mnist-scan.png)

*Distance from Table III by the RMS gradient at which descents stop, for each lambda.*
"""
LANDSCAPES_TEXT = """\
Every landscape that was explored. Draw d has the seed d for the data, for the wrong labels and for
the searches. *Known* is the probability, with its 95 % interval, that an independent search (a
quench from a random start; a climb from a random minimum along a random soft mode) ends at a point
that the atlas holds. The files `cells/*/cell.json` hold all settings and numbers.
"""


def _head(scale: Scale) -> str:
    other_size = "**Networks and data are smaller here than in the paper: its numbers differ.**"
    lines = [
        "# The paper, reproduced\n",
        "S. R. Chitturi, P. C. Verpoort, A. A. Lee and D. J. Wales, *Perspective: New Insights "
        "From Loss Function Landscapes of Neural Networks*, Mach. Learn.: Sci. Technol. **1**, "
        "023002 (2020), asks how a loss landscape changes with label errors, with missing "
        "connections, "
        "with the number of layers and with the amount of data. This page shows what comes out "
        "when its landscapes are explored again.\n",
        *([] if scale.name == "paper" else [f"{other_size}\n"]),
    ]
    return "\n".join(lines)


def _origin(scale: Scale, there: Sequence[Record]) -> str:
    """How the page was made."""
    minutes = sum(record.effort.cpu_seconds for record in there) / 60.0
    versions = sorted({_versions(record) for record in there})
    devices = sorted({record.about["device"] for record in there})
    made = f" ({', '.join(devices)}; {'; '.join(versions)})" if there else ""
    lines = [
        "## How this page was made\n",
        f"```\nlossatlas reproduce all --scale {scale.name} -o docs/results\n```\n",
        f"writes this page from {len(there)} landscapes, {minutes:.0f} minutes of CPU time in all"
        f"{made}. Run again, the command continues the landscapes that have had less than their "
        "time ([each of them](landscapes.md)) and computes those that are missing; with "
        "`--no-explore` it only writes the pages again.\n",
    ]
    return "\n".join(lines)


def _versions(record: Record) -> str:
    return ", ".join(f"{name} {number}" for name, number in record.about["versions"].items())


def _section(artifact: Artifact, studies: dict[str, Study], scale: Scale, folder: Path) -> str:
    chosen = [studies[name] for name in artifact.recipes if name in studies]
    lines = [f"### {artifact.title}\n"]
    if artifact.kind == "ideal":
        return "\n".join([*lines, IDEAL_TEXT])
    if artifact.kind == "scan":
        said = mnist_report.summary(scanned(folder, scale.name))
        return "\n".join([*lines, *([said, SCAN_TEXT] if said else ["Not run.\n"])])
    if not chosen:
        return ""
    figures = ("trees", "boxes", "growth", "levels", *PICTURES_ONLY)
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
    if artifact.kind == "levels":
        return (
            "Numbers by percentage of wrong labels, for every kind of noise, of the draws that all "
            "kinds have. Marks: means over draws; bars: their range. Counts of minima are lower "
            "bounds where the time was spent. Last panel: AUC of a classifier that knows the "
            "probabilities of the noisy labels, by two estimates."
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
        f"Disconnectivity graphs, colored by {PART[artifact.color]} AUC (dark low, light high), of "
        "the draw with the median lowest loss; [how to read trees](#how-to-read-the-numbers)."
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
