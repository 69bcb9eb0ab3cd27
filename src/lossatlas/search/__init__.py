"""Searches: one attempt each, without ids and without a database."""
