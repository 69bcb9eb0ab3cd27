"""No worker for a while: one warning, not many."""

import pytest

from lossatlas.distribution.deserted import Deserted
from lossatlas.errors import DataWarning


def test_a_warning_says_that_there_is_no_worker():
    deserted = Deserted()
    for count, now in ((2, 0.0), (0, 1.0), (0, 30.0), (1, 31.5), (0, 40.0), (0, 69.0)):
        deserted.note(count, now)  # warnings are errors
    with pytest.warns(DataWarning, match="no worker has been there for 30 s"):
        deserted.note(0, 70.0)
    deserted.note(0, 110.0)  # once is enough
    deserted.note(3, 111.0)
    deserted.note(0, 112.0)
    with pytest.warns(DataWarning, match="no worker has been there for 31 s"):
        deserted.note(0, 143.0)
