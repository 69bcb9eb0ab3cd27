"""Comparisons with other programs: CPU seconds of the same work on the same machine.

    python -m benchmarks.rivals --quick

installs pylfl (which contains GMIN, OPTIM and PATHSAMPLE), pele and TopSearch into virtual
environments of their own, builds two small C programs, runs every comparison with the sides taking
turns, prints a table, and writes the results as JSON and as a picture; `--write-docs` renders them
into `docs/benchmarks.md`.

`measure` defines comparisons; `environments`, `wales` and `compiled` run the rivals; every other
module is a comparison: `gradient`, `hessian`, `quench`, `triple`, `survey`, `outcomes`, `mnist`,
`tree`, `insert`, `start`.
"""
