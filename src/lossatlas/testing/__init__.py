"""For tests: surfaces whose stationary points are known."""
