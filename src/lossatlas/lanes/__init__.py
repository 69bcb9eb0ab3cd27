"""The engine: any number of searches at once, their kernels advanced in lanes on every core."""
