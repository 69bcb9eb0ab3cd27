"""The tables and figures of the paper, and some beyond it, with the studies that each needs."""

from typing import Literal, NamedTuple

from lossatlas import BadInputError
from lossatlas.paper.scales import NOISE_KINDS

Kind = Literal[
    "table",
    "distributions",
    "claims",
    "ideal",
    "richness",
    "scan",
    "crossed",
    "lowest",
    "trees",
    "boxes",
    "growth",
    "levels",
    "clouds",
    "persistence",
]
PICTURES_ONLY = ("clouds", "persistence")
"""Kinds of artifacts that have a figure but no table."""


class Artifact(NamedTuple):
    """A table or figure to be written.

    Attributes:
        name: name of the files, without a suffix.
        title: the name of the table or figure in the paper.
        recipes: names of the studies that it shows.
        kind: what it is: a table of numbers, of class distributions, of verdicts on claims, of
            ideal AUC, of Hill numbers, of components of variance, or of lowest losses; a table with
            a figure of trees, of boxes, of counts that grow with time, of numbers by share of wrong
            labels, or of distances by settings; or a figure alone, of loss against AUC or of shares
            by persistence.
        color: the part of the data whose AUC colors the trees of a figure.
        across: number of panels in a row of a figure.
    """

    name: str
    title: str
    recipes: tuple[str, ...]
    kind: Kind = "table"
    color: str = "test"
    across: int = 2


NOISE = ("noise-d1", "noise-d2", "noise-d3")
WITH_QUENCHES = NOISE[:2]
"""The studies whose landscapes get separate quenches too."""
MNIST = ("mnist-as-written", "mnist-nearest")
LAYERS = ("layers-100", "layers-1000")
SEEDS = ("seeds-100", "seeds-1000")
CROSSED = ("crossed-d1", "crossed-d2")
ARTIFACTS = (
    Artifact("table-1", "Table I", NOISE[:1]),
    Artifact("table-2", "Table II", NOISE[1:2]),
    Artifact("table-3", "Table III", MNIST),
    Artifact("table-4", "Table IV", LAYERS, "growth"),
    Artifact("lowest-losses", "Table IV: lowest losses", SEEDS, "lowest"),
    Artifact("si-d3", "Supplementary Information: D3", NOISE[2:]),
    Artifact("si-distributions", "Supplementary Information: classes", NOISE, "distributions"),
    Artifact("figure-1", "Figure 1", NOISE[:1], "trees", "train"),
    Artifact("figure-2", "Figure 2", NOISE[:1], "trees", "test"),
    Artifact("figure-3", "Figure 3", NOISE[1:2], "trees", "train"),
    Artifact("figure-4", "Figure 4", NOISE[1:2], "trees", "test"),
    Artifact("figure-5", "Figure 5", MNIST, "boxes"),
    Artifact("figure-6", "Figure 6", ("masks-wide",), "trees"),
    Artifact("figure-7", "Figure 7", ("masks-narrow",), "trees", across=3),
    Artifact("figure-8", "Figure 8", LAYERS, "trees"),
    *(
        Artifact(f"loss-auc-{number}", f"Loss against AUC, {title}", names, "clouds", across=4)
        for number, title, names in (
            (1, "Table I", NOISE[:1]),
            (2, "Table II", NOISE[1:2]),
            (3, "Table III", MNIST[1:]),
            (4, "Table IV", LAYERS),
            (6, "Figures 6 and 7", ("masks-wide", "masks-narrow")),
        )
    ),
    Artifact(
        "persistence",
        "Funnels by persistence",
        (*NOISE[:2], "masks-wide", "masks-narrow"),
        "persistence",
    ),
    Artifact(
        "deep-masks",
        "Beyond the paper: reduced connectivity of deep networks",
        ("masks-two", "masks-three"),
        "trees",
        across=4,
    ),
    Artifact(
        "deep-noise",
        "Beyond the paper: label errors with deep networks",
        ("noise-two", "noise-three"),
        "trees",
        across=4,
    ),
    Artifact(
        "other-labels",
        "Beyond the paper: Table I with labels of another minimizer",
        ("other-labels",),
    ),
    Artifact(
        "noise-kinds",
        "Beyond the paper: noise of other kinds",
        tuple(f"kinds-{kind}-{side}" for side in ("d1", "d2") for kind in NOISE_KINDS),
        "levels",
    ),
    Artifact(
        "richness", "Beyond the paper: points of separate searches", WITH_QUENCHES, "richness"
    ),
    Artifact("variance", "Beyond the paper: data, labels or searches", CROSSED, "crossed"),
    Artifact("mnist-scan", "Beyond the paper: settings of MNIST", (), "scan"),
    Artifact("ideal-auc", "Beyond the paper: the ideal AUC", (), "ideal"),
    Artifact("claims", "The paper's statements, tested", (), "claims"),
)
"""All tables and figures, in the order in which they are shown."""


def artifacts(names: tuple[str, ...]) -> list[Artifact]:
    """Find tables and figures by their names; ``all`` stands for all of them.

    Raises:
        BadInputError: if a name is unknown.

    Examples:
        >>> [artifact.title for artifact in artifacts(("table-2",))]
        ['Table II']
    """
    known = {artifact.name: artifact for artifact in ARTIFACTS}
    unknown = [name for name in names if name not in (*known, "all")]
    if unknown:
        remedy = f"use all or some of {', '.join(known)}"
        raise BadInputError(f"reproduce {unknown[0]}", "no such table or figure", remedy)
    return [a for a in ARTIFACTS if "all" in names or a.name in names]
