"""Reproduction of the paper: its studies, tables and figures, and tests of its statements.

*Perspective: New Insights From Loss Function Landscapes of Neural Networks*, Mach. Learn.: Sci.
Technol. 1, 023002 (2020). Modules in reading order: `cell` (one landscape to be explored),
`recipes` (which cells a table or figure needs), `exploring` (how a cell is computed or continued),
`points` and `measures` (the numbers of a cell), `published` (the numbers of the paper), `tables`,
`distributions`, `claims`, `page`.
"""
