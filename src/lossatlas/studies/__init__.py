"""Studies: a TOML file in, a landscape with its data out."""
