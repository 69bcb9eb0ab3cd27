# Names for the commands of CONTRIBUTING.md.

# List them.
default:
    @just --list

# The tests that every change has to pass.
test *options:
    pytest {{ options }}

# Long runs.
slow *options:
    pytest -m slow {{ options }}

# Linters, format, types.
lint:
    ruff check
    ruff format --check
    pyright

# The documentation, into site/.
docs:
    mkdocs build --strict

# Benchmarks, one after the other.
bench:
    for benchmark in benchmarks/*.py; do python "$benchmark"; done
