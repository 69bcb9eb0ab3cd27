"""Why searches fail: when a reason is named, and that each has a remedy."""

import pytest

from lossatlas.atlas.failures import dominant_failure
from lossatlas.errors import ADVICE, Status


def test_every_status_has_a_meaning_and_a_remedy():
    assert set(ADVICE) == set(Status)
    for meaning, remedy in ADVICE.values():
        assert meaning[0].islower()
        assert remedy[0].islower()
        assert not (meaning + remedy).endswith(".")


@pytest.mark.parametrize(
    ("counts", "minima", "expected"),
    [
        ({}, 0, None),
        ({Status.CONVERGED: 9}, 3, None),
        ({Status.NO_CANDIDATE: 90, Status.CONVERGED: 9}, 3, None),
        ({Status.UNDECIDED: 5}, 0, Status.UNDECIDED),
        ({Status.UNDECIDED: 2, Status.NOT_FINITE: 3, Status.CONVERGED: 9}, 0, Status.NOT_FINITE),
        ({Status.TOO_MANY_STEPS: 6, Status.CONVERGED: 5}, 2, Status.TOO_MANY_STEPS),
        ({Status.TOO_MANY_STEPS: 5, Status.CONVERGED: 5}, 2, None),
        ({Status.LOST_LINK: 4, Status.NO_CANDIDATE: 90, Status.CONVERGED: 3}, 2, Status.LOST_LINK),
        ({Status.LOST_LINK: 4, Status.UNDECIDED: 4, Status.CONVERGED: 1}, 2, None),
    ],
)
def test_a_reason_is_named_where_little_was_found(counts, minima, expected):
    found = dominant_failure(counts, minima)
    assert (found and found.status) == expected
    if found is not None:
        assert str(found).startswith(
            f"{counts[expected]} of {sum(counts.values())} attempts ended as {expected.name}: "
        )
        assert found.fields()["remedy"] == ADVICE[expected].remedy
