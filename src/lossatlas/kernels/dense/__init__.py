"""Kernels with the exact Hessian and its whole spectrum: for networks of some hundred weights."""
