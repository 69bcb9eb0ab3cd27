"""Searches in other processes, by the workers of any executor, among them those of Dask clusters.

The coordinating process plans searches, sends them in batches to workers, and commits the results.
"""
