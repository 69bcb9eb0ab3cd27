"""Side by side with the other programs: CPU seconds of the same work on the same machine.

    python -m benchmarks.rivals --quick

installs pylfl (which carries GMIN, OPTIM and PATHSAMPLE), pele and TopSearch into virtual
environments of their own, builds two small C programs, runs every comparison with the sides taking
turns, prints a table, and leaves the results as JSON and a picture; `--write-docs` renders them
into `docs/benchmarks.md`.

`measure` says what a comparison is; `environments`, `wales` and `compiled` run the rivals; every
other file is a comparison: `gradient`, `hessian`, `quench`, `triple`, `survey`, `outcomes`,
`mnist`, `tree`, `insert`, `start`.
"""
