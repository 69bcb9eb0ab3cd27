"""The command-line arguments of benchmarks that read an atlas."""

import argparse


def atlas_and_sample(description: str | None, sample: int) -> tuple[str, int]:
    """The path of the atlas, and the number of transition states to use, by default `sample`."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("atlas")
    parser.add_argument("--sample", type=int, default=sample)
    options = parser.parse_args()
    return options.atlas, options.sample
