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

# Costs beside those of the other programs, and how they grow; the results go into docs/benchmarks.md.
bench *options:
    python -m benchmarks.rivals {{ options }}
    python -m benchmarks.scaling {{ options }}
    python -m benchmarks.rivals --write-docs
    python -m benchmarks.scaling --write-docs
