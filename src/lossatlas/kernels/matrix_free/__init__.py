"""Kernels with products of the Hessian and vectors: for networks of a thousand weights and more."""
