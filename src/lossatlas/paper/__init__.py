"""The paper, regenerated: its studies as recipes, cells that are computed once, tables, claims.

*Perspective: New Insights From Loss Function Landscapes of Neural Networks*, Mach. Learn.: Sci.
Technol. 1, 023002 (2020). In reading order: `cell` (one landscape to be explored), `recipes`
(which cells a table or figure needs), `exploring` (a cell computed or continued), `points` and
`measures` (its numbers), `published` (the paper's), `tables`, `distributions`, `claims`, `page`.
"""
