"""Numbers computed from an atlas: disconnectivity trees, AUC."""
