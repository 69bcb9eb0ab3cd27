"""Kernels with products of the Hessian and vectors, where it is too large or too dear to form."""
