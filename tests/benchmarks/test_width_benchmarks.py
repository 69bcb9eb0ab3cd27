"""Replays and widths on a small landscape: the same searches, whatever plays them."""

import numpy as np
import pytest
from benchmarks import replay, width

from lossatlas.atlas.log import Entry
from lossatlas.landscape import NetworkLandscape


@pytest.fixture
def small(monkeypatch):
    random = np.random.default_rng(5)
    made = NetworkLandscape(random.normal(size=(40, 2)), random.integers(3, size=40), (3,), 1e-3)
    monkeypatch.setattr(width, "landscape", lambda items=1000: made)
    return made


def test_a_replay_makes_the_searches_that_were_recorded(small, tmp_path):
    recording, again = (replay.recorded(small, 8, 4, tmp_path / "jobs") for _ in range(2))
    assert recording.jobs.keys() == again.jobs.keys()
    for name, (seconds, steps, found) in recording.jobs.items():
        np.testing.assert_equal(again.jobs[name].found, found)
        assert (again.jobs[name].seconds, again.jobs[name].steps) == (seconds, steps)
        assert min(seconds) > 0
        assert steps > 0
    one, three = (replay.replayed(small, again, workers, 8, 4) for workers in (1, 3))
    assert one.searches == three.searches > 8
    assert one.at_best == pytest.approx(1.0)
    assert 0 < three.at_best <= 1.0
    assert min(three.seconds, three.main) > 0
    assert three.row().startswith(f"| 3 | 8 | {one.searches} |")


def test_a_job_that_was_not_recorded_is_an_error(small):
    recording = replay.recorded(small, 8, 2, None)
    recording.jobs.popitem()
    with pytest.raises(KeyError):
        replay.replayed(small, recording, 1, 8, 2)


def test_jobs_are_named_by_kernel_and_arrays():
    row = np.arange(6.0)
    names = {replay.key(kernel, job) for kernel in ("a", "b") for job in (row, -row)}
    assert len(names) == 4
    assert replay.key("a", np.stack([row, row], axis=1)[:, 0]) in names


def test_how_busy_workers_are_at_best():
    """Two rounds of two keep two workers busy, unless one search of a round takes long."""

    def searches(*seconds):
        return [replay.Call(k, 0.0, time, 0.0) for k, time in enumerate(seconds)]

    assert replay.at_best(2, searches(1, 1, 1, 1, 1, 1, 1, 1), [2, 2, 2, 2]) == 1.0
    # One worker is done with the second round at 3, the other with the first at 5.
    assert replay.at_best(2, searches(5, 1, 1, 1, 1, 1), [2, 2, 2]) == (5 + 3) / (2 * 5)
    assert replay.at_best(4, searches(1, 1), [1, 1]) == 2 / (4 * 1)
    # From the second round on, which begins at 0, when there is one search for two workers.
    assert replay.at_best(2, searches(1, 1, 1, 1, 1, 1), [1, 1, 2, 2], full=2) == 1.0


def test_widths_are_compared_at_the_same_number_of_attempts(small, capsys, monkeypatch):
    monkeypatch.setattr("lossatlas.lanes.runtime.configure", lambda: None)
    width.main(["--widths", "4", "12", "--attempts", "40"])
    *_, narrow, wide = capsys.readouterr().out.splitlines()
    assert narrow.startswith("| 4 | 40 |")
    assert wide.startswith("| 12 | 40 |")


def test_costs_are_those_of_the_attempts():
    log = [Entry(k, "s", (), f"{k}", 100, 2, k % 2, k % 3 == 0) for k in range(9)]
    whole = width.summed(log)
    assert whole == (9, 4, 3, 9 * 130)
    assert whole.cost == 390
    assert width.summed([]).cost == 0
