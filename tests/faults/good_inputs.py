"""A study and its table that can be used, of which tests spoil one thing at a time."""

import numpy as np

STUDY = """[data]
source = "file"
path = "rows.csv"
train = 8
test = 4
split = "ordered"
[network]
hidden = [2]
[loss]
l2 = 1e-3
"""


def rows() -> str:
    """Twelve rows of two features and two classes."""
    random = np.random.default_rng(0)
    lines = ["x,y,label"]
    lines += [f"{a:.3f},{b:.3f},{k % 2}" for k, (a, b) in enumerate(random.normal(size=(12, 2)))]
    return "\n".join(lines) + "\n"
