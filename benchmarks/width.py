"""The cost of a new transition state at several widths: searches of a wide round know less.

    python -m benchmarks.width [--quick] [--widths 48 192 ...] [--attempts N] [--items N]

The landscape D2 is explored with the same seed and the same number of attempts at every width.
Costs are evaluations, so they do not depend on the machine: the number of gradients plus 15 for
each Hessian, for each new transition state, over all attempts and over the last third of them.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.replay import landscape, only

from lossatlas.atlas import Atlas, Problem
from lossatlas.atlas.log import Entry, read_log
from lossatlas.exploration.explorer import grow
from lossatlas.exploration.stop_rules import ExploreOptions
from lossatlas.landscape import NetworkLandscape

WIDTHS, QUICK = (48, 192, 768, 3072), (12, 96)
ATTEMPTS, QUICK_ATTEMPTS = 6000, 150
HESSIAN = 15
"""The number of gradients for which a Hessian with its spectrum counts."""
COLUMNS = (
    "width",
    "attempts",
    "minima",
    "transition states",
    "attempts for each",
    "gradients for each",
    "in the last third",
    "CPU s",
)


class Yield(NamedTuple):
    """The results and the cost of attempts.

    Attributes:
        attempts: number of attempts.
        minima, transition_states: numbers of new points.
        gradients: number of evaluations, where a Hessian counts as `HESSIAN`.
    """

    attempts: int
    minima: int
    transition_states: int
    gradients: int

    @property
    def cost(self) -> float:
        """Gradients for each new transition state."""
        return self.gradients / max(1, self.transition_states)


def summed(entries: list[Entry]) -> Yield:
    """The yield of some attempts."""
    return Yield(
        len(entries),
        sum(entry.new_minima for entry in entries),
        sum(entry.new_transition_states for entry in entries),
        sum(entry.gradients + HESSIAN * entry.hessians for entry in entries),
    )


def explored(subject: NetworkLandscape, width: int, attempts: int) -> list[Entry]:
    """The first attempts of an exploration into a new atlas, or all if there are fewer."""
    # Each search makes at least one attempt, so as many searches as attempts are enough.
    with tempfile.TemporaryDirectory() as folder, only(searches=attempts):
        path = Path(folder) / "width.atlas"
        with Atlas.create(path, Problem(subject.fingerprint())) as atlas:
            grow(subject, atlas, ExploreOptions(width=width))
            return read_log(atlas)[:attempts]


def row(width: int, log: list[Entry], seconds: float) -> str:
    """A row of the table."""
    whole, last = summed(log), summed(log[2 * len(log) // 3 :])
    cells = (
        f"{width:,}",
        f"{whole.attempts:,}",
        f"{whole.minima:,}",
        f"{whole.transition_states:,}",
        f"{whole.attempts / max(1, whole.transition_states):.2f}",
        f"{whole.cost:,.0f}",
        f"{last.cost:,.0f}",
        f"{seconds:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> None:
    """Explore and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="narrow widths, few attempts")
    parser.add_argument("--widths", type=int, nargs="+", help="searches in flight")
    parser.add_argument("--attempts", type=int, help=f"default {ATTEMPTS}, quick {QUICK_ATTEMPTS}")
    parser.add_argument("--items", type=int, default=1000, help="training items; default 1000")
    options = parser.parse_args(arguments)
    attempts = options.attempts or (QUICK_ATTEMPTS if options.quick else ATTEMPTS)

    from lossatlas.lanes.runtime import configure

    configure()
    subject = landscape(options.items)
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}", flush=True)
    for width in options.widths or (QUICK if options.quick else WIDTHS):
        begun = time.process_time()
        log = explored(subject, width, attempts)
        print(row(width, log, time.process_time() - begun), flush=True)


if __name__ == "__main__":
    main()
