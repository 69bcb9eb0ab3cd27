"""Atlases that the server shows, which are read in the background."""

import re
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from serving import add_minimum

from lossatlas.errors import AtlasError, BadInputError

pytest.importorskip("bokeh", reason="Bokeh is not installed")

from lossatlas.browser.served import ServedAtlas


@pytest.fixture
def path(network_atlas: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(network_atlas, tmp_path / "served.atlas"))


@pytest.fixture
def slow(monkeypatch) -> threading.Event:
    """Until this event is set, every reading of an atlas waits."""
    from lossatlas.atlas import Atlas

    may_go_on, read = threading.Event(), Atlas.network

    def waiting(self: Atlas, **options: Any) -> Any:
        assert may_go_on.wait(60)
        return read(self, **options)

    monkeypatch.setattr(Atlas, "network", waiting)
    return may_go_on


def until(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def test_nobody_waits_for_an_atlas_that_is_read(path, slow):
    served = ServedAtlas(str(path))
    begun = time.monotonic()
    assert served.latest() is None
    assert served.latest(0.05) is None
    assert time.monotonic() - begun < 5
    slow.set()
    state = served.state()
    assert state.network.minimum_ids.tolist() == [1, 2, 3, 4]
    assert served.latest() is state


def test_the_last_state_is_shown_while_a_new_one_is_read(path, slow):
    slow.set()
    served = ServedAtlas(str(path))
    old = served.state()
    add_minimum(path, 0.1, "one more")
    slow.clear()
    served._next_look = 0.0
    assert served.latest() is old
    assert served.latest(0.05) is old
    slow.set()
    until(lambda: served.state().network.minimum_ids.size == 5)


@pytest.mark.parametrize(
    "error", [AtlasError("it is damaged"), BadInputError("state 2", "lies below", "mend it")]
)
def test_why_a_reading_failed_is_told_to_all_until_one_succeeds(path, monkeypatch, error):
    from lossatlas.atlas import Atlas

    def fail(self: Atlas, **options: Any) -> Any:
        raise error

    served = ServedAtlas(str(path))
    with monkeypatch.context() as patched:
        patched.setattr(Atlas, "network", fail)
        for _ in range(2):
            with pytest.raises(type(error), match=re.escape(str(error))):
                served.state()
    served._next_look = 0.0
    with suppress(type(error)):
        served.latest()
    until(lambda: served._failure is None)
    assert served.state().network.minimum_ids.size == 4


def test_an_atlas_that_is_deleted_is_not_read_again(path):
    served = ServedAtlas(str(path))
    served.state()
    path.unlink()
    with pytest.raises(BadInputError, match="was deleted, moved or replaced while it was served"):
        served.latest()
