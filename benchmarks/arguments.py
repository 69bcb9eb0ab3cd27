"""The arguments of benchmarks that look into an atlas."""

import argparse


def atlas_and_sample(description: str | None, sample: int) -> tuple[str, int]:
    """The path of the atlas, and how many of its transition states to take; default `sample`."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("atlas")
    parser.add_argument("--sample", type=int, default=sample)
    options = parser.parse_args()
    return options.atlas, options.sample
