"""The engine: it runs any number of searches at once, and advances their kernels in lanes."""
