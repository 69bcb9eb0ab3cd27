"""Kernels: iterative methods that run in lanes.

Quenches (`quench`) and bands (`band`) need gradients only. What follows curvature comes in two
families: `dense` forms the exact Hessian and its spectrum, `matrix_free` uses products of the
Hessian with vectors. Both have the same three parts, polish, climb and flow, with the same jobs and
the same results (`parts`), so that a search never asks which family it was given. Which one suits a
landscape is decided in one place, `method`.

`step_control` holds what decides about the length of steps in several kernels; `bfgs` and `lbfgs`
are the two models of the inverse Hessian.
"""
