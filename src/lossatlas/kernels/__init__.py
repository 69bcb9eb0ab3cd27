"""Kernels: iterative methods that run in lanes.

Bands (`band`) need gradients only, and so do quenches (`quench`), which may also use a Hessian now
and then. The methods that follow curvature come in three families: `dense` computes the exact
Hessian and its spectrum, `factorized` computes factorizations of the exact Hessian, and
`matrix_free` uses only products of the Hessian with vectors. Each family has the same three parts,
polish, climb and flow, with the same jobs and the same results (`parts`), so that a search works
with any of them. The module `method` chooses the family for a landscape.

`step_control` limits the length of steps in several kernels, `exponential` has what the paths of
`dense` and `factorized` share, `steadiness` tells whether a curvature has a certain sign, and
`bfgs` and `lbfgs` are the two models of the inverse Hessian.
"""
