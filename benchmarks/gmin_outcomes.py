"""Do our LJAT3 labels agree with those of GMIN, start by start?

GMIN, as it is contained in pylfl, minimizes the same starts as `lossatlas.data.ljat3_quench`, in
one process for each start; Lennard-Jones with its keyword AXTELL is eq. (4) of the paper. Its
labels are the fixture ``tests/data/gmin_outcomes.json``.

    python -m benchmarks.gmin_outcomes [--starts 1000] [--environments DIR] [--write FILE]
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from benchmarks.rivals.environments import default_folder
from benchmarks.rivals.wales import folder_of_programs

from lossatlas.data import LJAT3_SIDES
from lossatlas.data.ljat3_quench import Quenched, outcome_labels, quench
from lossatlas.errors import Status

SEED = 11
CASES = (("D1", 0.4), ("D2", 0.4), ("D3", 0.4), ("D1", 0.1))
KEYWORDS = """AXTELL 2.0
SLOPPYCONV 1.0D-10
TIGHTCONV 1.0D-10
EDIFF 0.0001
STEPS 0 1.0
STEP 0.0 0.0
MAXIT 5000 5000
TEMPERATURE 1.0
RADIUS 100.0
UPDATES 4
DGUESS 0.1
NORESET
SAVE 1
"""


def gmin_labels(program: Path, starts: np.ndarray, step_cap: float) -> np.ndarray:
    """The class of the outcome of every start, -2 if GMIN ends at none of the four minima."""
    ends = np.empty_like(starts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").write_text(f"{KEYWORDS}MAXBFGS {step_cap}\n")
        for start, end in zip(starts, ends, strict=True):
            (folder / "lowest").unlink(missing_ok=True)
            np.savetxt(folder / "coords", start, fmt="%.17g")
            subprocess.run([program], cwd=folder, check=True, capture_output=True)
            lines = (folder / "lowest").read_text().splitlines()[2:5]
            end[:] = [[float(x) for x in line.split()[1:]] for line in lines]
    nothing = np.zeros(len(ends), int)
    converged = nothing + Status.CONVERGED
    return outcome_labels(Quenched(ends, nothing.astype(float), nothing, converged))


def main() -> None:
    """Print the starts whose labels differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=1000)
    parser.add_argument("--environments", type=Path, default=default_folder())
    parser.add_argument("--write", type=Path, help="the fixture")
    arguments = parser.parse_args()
    program = folder_of_programs(arguments.environments.resolve()) / "GMIN"
    cases = []
    for cube, step_cap in CASES:
        shape = (arguments.starts, 3, 3)
        starts = np.random.default_rng(SEED).uniform(0.0, LJAT3_SIDES[cube], shape)
        theirs = gmin_labels(program, starts, step_cap)
        differ = np.flatnonzero(theirs != outcome_labels(quench(starts, step_cap)))
        print(f"{cube}, step cap {step_cap}: {len(differ)} of {len(starts)} differ {differ}")
        labels = theirs.tolist()
        cases.append({"cube": cube, "step_cap": step_cap, "seed": SEED, "labels": labels})
    if arguments.write:
        about = "labels by GMIN (pylfl 0.3.5), written by python -m benchmarks.gmin_outcomes"
        arguments.write.write_text(json.dumps({"about": about, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
