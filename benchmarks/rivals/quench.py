"""A quench from basin-hopping: GMIN to an RMS gradient of 1e-9, ours to a certified minimum."""

from collections.abc import Iterator

import numpy as np
from benchmarks.rivals import wales
from benchmarks.rivals.measure import (
    Context,
    Row,
    Target,
    Unavailable,
    cpu_seconds,
    interleaved,
    run_processes,
)
from benchmarks.rivals.problem import d1, some_minima

from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import quenched
from lossatlas.search.tools import Tools, default_tools

WORK = "quench from a basin-hopping step"
TARGET = Target(ratio=25)
STEP = 1.0
RMS = 1e-9


class Chains:
    """Basin-hopping from given minima with every step accepted; every turn uses other steps."""

    def __init__(self, landscape: NetworkLandscape, starts: list[np.ndarray], steps: int) -> None:
        """Prepare one chain of `steps` steps from each start."""
        self.tools, self.engine = default_tools(landscape), Engine(landscape.surface)
        self.starts, self.steps, self.turn = starts, steps, 0
        self.certified = self.tried = 0

    def chain(self, tools: Tools, w: np.ndarray, random: np.random.Generator):
        """A search that returns the number of certified minima of one chain."""
        found = 0
        for _ in range(self.steps):
            trial = w + STEP * random.uniform(-1.0, 1.0, len(w))
            certificate, _ = yield from quenched(tools, trial)
            if certificate.point is not None:
                found, w = found + 1, certificate.point.weights
        return found

    def cpu_per_minimum(self) -> float:
        """CPU seconds of one turn over the number of minima that are certified in it."""
        chains = [
            self.chain(self.tools, w, np.random.default_rng([self.turn, k]))
            for k, w in enumerate(self.starts)
        ]
        self.turn += 1
        found, seconds = cpu_seconds(lambda: sum(n for _, n in self.engine.run(chains)))
        self.certified += found
        self.tried += len(self.starts) * self.steps
        return seconds / found


def rows(context: Context) -> Iterator[Row]:
    """One row."""
    landscape = d1()
    minima = [m.weights for m in some_minima(landscape, 8)]
    chains = Chains(landscape, minima, 6 if context.quick else 25)
    chains.cpu_per_minimum()  # compiles the kernels
    chains.certified = chains.tried = 0
    rival = Gmin(context, landscape, minima, 12 if context.quick else 50)
    repeats = 3 if context.quick else 7
    try:
        theirs, ours = interleaved([rival.cpu_per_quench, chains.cpu_per_minimum], repeats)
    except Unavailable as reason:
        yield Row(WORK, "GMIN (pylfl 0.3.5)", target=TARGET, skipped=str(reason))
        return
    notes = (
        f"GMIN: RMS gradient {RMS:g}, memory 500, {rival.converged} of {rival.tried} converged, "
        f"not certified; ours: {chains.certified} certified of {chains.tried}"
    )
    yield Row(WORK, "GMIN (pylfl 0.3.5)", "CPU s", theirs, ours, TARGET, notes)


class Gmin:
    """GMIN from the same minima with the same steps, in one process on each core."""

    def __init__(
        self, context: Context, landscape: NetworkLandscape, starts: list[np.ndarray], steps: int
    ) -> None:
        """Prepare as many processes as cores, with `steps` steps each."""
        self.context, self.landscape, self.starts, self.steps = context, landscape, starts, steps
        self.turn = self.converged = self.tried = 0

    def cpu_per_quench(self) -> float:
        """CPU seconds over the number of converged quenches.

        The quench from the start, which is a minimum and takes hardly any time, is not counted.
        """
        program = wales.folder_of_programs(self.context.environments) / "GMIN"
        folders = [self.context.folder("gmin") for _ in range(self.context.cores)]
        for folder in folders:
            self.turn += 1
            start = self.starts[self.turn % len(self.starts)]
            wales.prepare_gmin(folder, self.landscape, start, steps=self.steps, seed=self.turn)
        used = list(run_processes([[program]] * len(folders), folders, self.context.cores))
        converged = 0
        for folder, usage in zip(folders, used, strict=True):
            lines = wales.quenches(wales.check_ran(folder, usage.returncode, "GMIN"))
            converged += sum(line.number > 0 and line.rms_gradient <= RMS for line in lines)
            self.tried += self.steps
        self.converged += converged
        if converged == 0:
            raise Unavailable("no quench of GMIN converged")
        return sum(usage.cpu for usage in used) / converged
