"""Kernels: iterative methods that run in lanes.

Quenches and bands need gradients only. What follows curvature comes in two families with the same
parts (polish, climb, flow): `dense` forms the exact Hessian and its spectrum, `matrix_free` uses
products of the Hessian with vectors.
"""
