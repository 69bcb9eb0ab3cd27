"""Kernels that run in lanes: quench, polish, gradient flow; and the engine that drives them."""
