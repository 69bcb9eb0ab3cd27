"""Searches in other processes: batches for the workers of any executor, and Dask clusters."""
