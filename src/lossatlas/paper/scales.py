"""Scales: the sizes and budgets of all studies, as in the paper or small enough for minutes."""

from dataclasses import dataclass

from lossatlas import ExploreOptions

ERRORS = (0.0, 0.1, 0.5, 1.0)
"""Shares of wrong labels in Tables I and II and in the SI."""
MNIST_ERRORS = (0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 1.0)
"""Shares of wrong labels in Table III."""
KIND_ERRORS = (0.0, 0.1, 0.25, 0.5, 0.6, 0.75, 0.9, 1.0)
"""Shares of wrong labels for the comparison of kinds of noise."""
NOISE_KINDS = ("uniform", "permutation", "class-conditional", "boundary", "adversarial")


@dataclass(frozen=True)
class Scale:
    """Sizes and budgets of all studies.

    Args:
        name: ``paper`` or ``quick``.
        items, train, test: numbers of LJAT3 minimizations, of training and of testing items.
        scarce: the smaller number of training items in Table IV.
        hidden, narrow, two, three: hidden layers of the networks of Tables I and II, of Figure 7,
            and, with two and three layers, of Table IV.
        wide_near, narrow_near, deep_near: numbers of neighbors of the masks of Figure 6, of Figure
            7 and of deep networks; 0 for full connectivity.
        budget, scarce_budget, mnist_budget: stop rules of a cell, of a cell with few training
            items, and of a cell of MNIST.
        mnist: numbers of training items, testing items and hidden units for MNIST.
        draws: number of random draws of the studies of label noise.
        kinds, kind_sides, kind_errors: kinds of noise that are compared, the data sets, and the
            shares of wrong labels.
        crossed: numbers of seeds of the data, of the wrong labels and of the searches that are
            crossed.
        crossed_budget: stop rules of these cells.
        seeds: numbers of seeds of the searches for the lowest minima of Table IV.
    """

    name: str
    items: int
    train: int
    test: int
    scarce: int
    hidden: tuple[int, ...]
    narrow: tuple[int, ...]
    two: tuple[int, ...]
    three: tuple[int, ...]
    wide_near: tuple[int, ...]
    narrow_near: tuple[int, ...]
    deep_near: tuple[int, ...]
    budget: ExploreOptions
    scarce_budget: ExploreOptions
    mnist: tuple[int, int, int]
    mnist_budget: ExploreOptions
    draws: int
    kinds: tuple[str, ...]
    kind_sides: tuple[str, ...]
    kind_errors: tuple[float, ...]
    crossed: tuple[int, int, int]
    crossed_budget: ExploreOptions
    seeds: int


PAPER = Scale(
    "paper",
    items=200_000,
    train=1000,
    test=10_000,
    scarce=100,
    hidden=(10,),
    narrow=(5,),
    two=(5, 5),
    three=(4, 4, 4),
    wide_near=(1, 2, 3, 0),
    narrow_near=(2, 3, 0),
    deep_near=(1, 2, 3, 0),
    budget=ExploreOptions(cpu_minutes=20),
    scarce_budget=ExploreOptions(cpu_minutes=60),
    mnist=(1000, 10_000, 10),
    mnist_budget=ExploreOptions(cpu_minutes=30, minima=50),
    draws=3,
    kinds=NOISE_KINDS,
    kind_sides=("D1", "D2"),
    kind_errors=KIND_ERRORS,
    crossed=(4, 3, 2),
    crossed_budget=ExploreOptions(cpu_minutes=0.5),
    seeds=3,
)
QUICK = Scale(
    "quick",
    items=2000,
    train=80,
    test=500,
    scarce=40,
    hidden=(3,),
    narrow=(3,),
    two=(2, 2),
    three=(2, 2, 2),
    wide_near=(1, 2, 0),
    narrow_near=(2, 0),
    deep_near=(2, 0),
    budget=ExploreOptions(cpu_minutes=1.5, transition_states=12),
    scarce_budget=ExploreOptions(cpu_minutes=1.5, transition_states=12),
    mnist=(100, 200, 2),
    mnist_budget=ExploreOptions(cpu_minutes=1.5, minima=4),
    draws=1,
    kinds=("permutation", "boundary"),
    kind_sides=("D2",),
    kind_errors=(0.0, 0.5),
    crossed=(2, 2, 2),
    crossed_budget=ExploreOptions(cpu_minutes=1.5, transition_states=12),
    seeds=2,
)
SCALES = {scale.name: scale for scale in (PAPER, QUICK)}
