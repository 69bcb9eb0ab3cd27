"""Kernels with factorizations of exact Hessians: for networks of hundreds to thousands of weights.

A Hessian of a network costs a few dozen gradients, its Cholesky factor about as much, and its
spectrum many times more. Therefore these kernels compute no spectra.
"""
