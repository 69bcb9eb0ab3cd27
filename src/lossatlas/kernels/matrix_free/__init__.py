"""Kernels with products of the Hessian and vectors, for Hessians too large or too expensive."""
