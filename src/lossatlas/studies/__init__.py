"""Studies: TOML files that describe a landscape with its data, and how to explore it."""
