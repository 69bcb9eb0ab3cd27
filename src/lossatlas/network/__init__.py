"""The network of points: minima joined by transition states, and what follows from that alone."""
