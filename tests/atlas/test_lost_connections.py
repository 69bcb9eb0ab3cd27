"""A PostgreSQL server that is restarted while an atlas is used: nothing lost, nothing twice."""

import threading
import time

import pytest
from atlas_points import attempt, network_point, problem
from postgresql_server import restartable, why_none

from lossatlas.atlas import Atlas, lost_connections
from lossatlas.errors import ConnectionLostError, DataWarning

pytestmark = pytest.mark.postgresql


@pytest.fixture
def restarting():
    missing = why_none()
    if missing is not None:
        pytest.skip(missing)
    with restartable() as server:
        yield server


def test_commits_go_on_after_restarts(restarting, rng):
    with Atlas.create(restarting.url, problem()) as atlas:
        run = atlas.start_run({}, 0, {}, "cpu")
        down = threading.Thread(target=restarting.restart, args=("immediate", 1.0))

        def commit_some():
            for number in range(60):
                if number == 20:
                    down.start()
                atlas.commit(run, [attempt(minima=[network_point(rng)])], f"{number}")
                time.sleep(0.02)

        with pytest.warns(DataWarning, match="connection is lost, it is tried again"):
            commit_some()
        down.join()
        for mode in ("fast", "immediate"):
            restarting.restart(mode)
            atlas.commit(run, [attempt(minima=[network_point(rng)])], mode)
        atlas.finish_run(run, "time")
        assert atlas.status()["minima"] == 62
        assert atlas.check() == ()


def test_a_server_that_stays_away_ends_it(restarting, rng, monkeypatch):
    monkeypatch.setattr(lost_connections, "PATIENCE", 0.5)
    with Atlas.create(restarting.url, problem()) as atlas:
        run = atlas.start_run({}, 0, {}, "cpu")
        restarting.stop()
        with (
            pytest.warns(DataWarning, match="tried again"),
            pytest.raises(ConnectionLostError, match="committed is safe"),
        ):
            atlas.commit(run, [attempt(minima=[network_point(rng)])], "1")
        restarting.start()
        atlas.commit(run, [attempt(minima=[network_point(rng)])], "2")
        assert atlas.status()["minima"] == 1


def test_one_that_was_never_there_is_not_waited_for(restarting):
    restarting.stop()
    begun = time.monotonic()
    with pytest.raises(ConnectionLostError, match="connection"):
        Atlas.open(restarting.url)
    assert time.monotonic() - begun < 5
    restarting.start()
