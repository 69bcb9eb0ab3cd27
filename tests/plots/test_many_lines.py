import numpy as np
from hypothesis import given, strategies as st

from lossatlas.plots.many_lines import BUNDLE, bundles, distinct, exposed

CELL = np.array([0.5, 0.25])


def painted(drops) -> dict:
    """What is seen of vertical lines on a grid: the lower end of the last one at each place."""
    return {
        (column, row): low
        for column, top, low in drops.tolist()
        for row in range(round(low), round(top) + 1)
    }


@given(st.integers(1, 60), st.integers(0, 1000))
def test_the_picture_is_the_same_without_the_lines_that_deeper_ones_hide(n, seed):
    random = np.random.default_rng(seed)
    columns, ends = random.integers(0, 4, n), random.integers(0, 9, (n, 2))
    drops = np.column_stack([columns, ends.max(axis=1), ends.min(axis=1)])
    drops = drops[np.argsort(-drops[:, 2], kind="stable")]
    lines = np.stack([drops[:, [0, 1]], drops[:, [0, 2]]], axis=1).astype(float)
    seen = exposed(lines, np.array([1.0, 1.0]))
    assert painted(drops[seen]) == painted(drops)
    assert np.array_equal(seen, np.sort(seen))


@given(st.integers(0, 60), st.integers(0, 1000))
def test_of_lines_between_the_same_cells_the_last_is_kept(n, seed):
    lines = np.random.default_rng(seed).integers(-3, 3, (n, 2, 2)) * CELL + 0.1
    kept = distinct(lines, CELL)
    last = {line.tobytes(): k for k, line in enumerate(lines) if (line[0] != line[1]).any()}
    assert kept.tolist() == sorted(last.values())


def test_bundles_hold_every_line_once_with_gaps_between():
    lines = np.arange(4.0 * (BUNDLE + 3)).reshape(-1, 2, 2)
    bundled = bundles(lines)
    assert [len(points) for points in bundled] == [3 * BUNDLE - 1, 8]
    points = np.concatenate(bundled)
    np.testing.assert_array_equal(points[np.isfinite(points).all(axis=1)], lines.reshape(-1, 2))
