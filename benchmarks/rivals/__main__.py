"""`python -m benchmarks.rivals`: see the package."""

import argparse
import importlib
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks.rivals import report
from benchmarks.rivals.environments import REPOSITORY, default_folder
from benchmarks.rivals.measure import Context, Row, Unavailable
from benchmarks.rivals.report import Results

COMPARISONS = (
    "gradient",
    "hessian",
    "quench",
    "triple",
    "survey",
    "outcomes",
    "mnist",
    "tree",
    "insert",
    "start",
)
RESULTS = REPOSITORY / "benchmarks" / "results"
FILE, PICTURE = "rivals.json", "rivals.png"
PAGE = REPOSITORY / "docs" / "benchmarks.md"


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.rivals",
        description="CPU seconds of lossatlas beside those of the other programs.",
    )
    made.add_argument("--quick", action="store_true", help="few repeats: under 15 minutes")
    made.add_argument(
        "--only",
        nargs="+",
        choices=COMPARISONS,
        metavar="ROW",
        help=f"run these and keep the others of the results: {', '.join(COMPARISONS)}",
    )
    made.add_argument(
        "--environments",
        type=Path,
        default=default_folder(),
        help="where the rivals are installed (default: the user's cache folder)",
    )
    made.add_argument(
        "--mnist",
        type=Path,
        default=os.environ.get("LOSSATLAS_MNIST"),
        help="folder of the MNIST files (default: the variable LOSSATLAS_MNIST)",
    )
    made.add_argument(
        "--results", type=Path, default=RESULTS, help="folder of JSON and pictures written"
    )
    made.add_argument(
        "--write-docs",
        action="store_true",
        help="measure nothing: render the results into docs/benchmarks.md",
    )
    return made


def main(arguments: list[str] | None = None) -> None:
    """Measure and print, or render."""
    options = parser().parse_args(arguments)
    if options.write_docs:
        write_docs(options.results)
        return
    from lossatlas.lanes.runtime import configure

    configure()
    options.results.mkdir(parents=True, exist_ok=True)
    results = measured(options)
    print("\n" + report.summary(results.rows))
    judged = [row.holds for row in results.rows if row.holds is not None]
    print(f"\n{sum(judged)} of {len(judged)} targets hold; {options.results / FILE}")


def measured(options: argparse.Namespace) -> Results:
    """Run the comparisons, and save all results after each."""
    path, begun = options.results / FILE, time.monotonic()
    kept = Results.load(path).comparisons if options.only and path.exists() else {}
    mode = "quick" if options.quick else "full"
    earlier = f", only {', '.join(options.only)}; the rest earlier" if options.only else ""
    machine = report.machine(mode=mode + earlier)
    results = Results({}, machine)
    for name in options.only or COMPARISONS:
        print(f"[{time.monotonic() - begun:5.0f} s] {name} ...", file=sys.stderr, flush=True)
        kept[name] = rows_of(name, options)
        results = Results({known: kept[known] for known in COMPARISONS if known in kept}, machine)
        results.save(path)
    report.draw(results.rows, options.results / PICTURE)
    print(f"[{time.monotonic() - begun:5.0f} s] done", file=sys.stderr)
    return results


def rows_of(name: str, options: argparse.Namespace) -> list[Row]:
    """The rows of one comparison, or a row that says why it failed."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix=f"rivals-{name}-") as work:
        context = Context(
            quick=options.quick,
            environments=Path(options.environments),
            work=Path(work),
            results=options.results,
            mnist=None if options.mnist is None else Path(options.mnist),
        )
        try:
            comparison = importlib.import_module(f"benchmarks.rivals.{name}")
            for row in comparison.rows(context):
                rows.append(row)
                print(report.text_table([row]), flush=True)
        except Unavailable as reason:
            rows.append(Row(name, skipped=str(reason)))
        except Exception as error:
            traceback.print_exc()
            rows.append(Row(name, skipped=f"{type(error).__name__}: {error}"))
    return rows


def write_docs(results: Path) -> None:
    """Render results and pictures into the page."""
    found = Results.load(results / FILE)
    sections = {
        "rivals": report.markdown_table(found.rows),
        "machine": report.markdown_machine(found),
    }
    pictures = [results / name for name in (PICTURE, "rivals-tree.png")]
    report.write_docs(PAGE, sections, pictures)
    print(f"{PAGE} written")


if __name__ == "__main__":
    main()
