"""The log as columns is the log as entries."""

from atlas_points import attempt, network_point, pathway
from hypothesis import HealthCheck, given, settings, strategies as st

from lossatlas.atlas.log import Entry, LogColumns, read_log, read_log_columns

MINIMA = 5
NAMES = [name for name in Entry._fields if name != "origins"]


def assert_same(columns: LogColumns, entries: list[Entry]) -> None:
    for name in NAMES:
        assert list(getattr(columns, name)) == [getattr(entry, name) for entry in entries]
    origins = [entry.origins for entry in entries]
    assert [columns.origins(row) for row in range(len(origins))] == origins
    assert columns.first.tolist() == [(*one, 0)[0] for one in origins]
    assert columns.second.tolist() == [(*one, 0, 0)[1] for one in origins]
    several = {entry.id: entry.origins for entry in entries if len(entry.origins) > 2}
    assert columns.more == several


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_columns_hold_what_the_entries_hold(atlas, commit, rng, data):
    """Attempts with any number of origins, also the same minimum again; read from anywhere on."""
    points = [network_point(rng) for _ in range(MINIMA)]
    before = commit(attempt(minima=points)).attempts[0].attempt
    ids = commit(attempt(minima=points)).attempts[0].minima
    started = data.draw(st.lists(st.lists(st.sampled_from(ids), max_size=4), max_size=6))
    found = [
        attempt(
            origins=origins,
            strategy=data.draw(st.sampled_from(["connect", "single-ended"])),
            what=data.draw(st.sampled_from(["", "mode 1 +"])),
            stream=data.draw(st.sampled_from([None, "minima", "saddles"])),
            part=k + 1,
            round=k,
            as_of=before,
            width=48,
            minima=[network_point(rng)] * (k % 2),
            pathways=[pathway(network_point(rng, index=1), *points[:2])] * (k % 3),
        )
        for k, origins in enumerate(started)
    ]
    commit(*found)
    entries = read_log(atlas)
    assert_same(read_log_columns(atlas), entries)
    for after in (before, before + 2, entries[-1].id, entries[-1].id + 7):
        assert_same(read_log_columns(atlas, after), read_log(atlas, after))


def test_an_empty_log_has_empty_columns(atlas):
    assert_same(read_log_columns(atlas), [])
