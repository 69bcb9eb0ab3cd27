"""What is known of compilations before they begin, and that none is begun that ends too late."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest
from test_engine import CAMEL, NETWORK, Countdown, count

from lossatlas.lanes import compilation
from lossatlas.lanes.compilation import FILE, Forecast
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request


@dataclass(frozen=True)
class Other(Countdown):
    """A kernel of another name."""


@pytest.fixture(autouse=True)
def _compiled(monkeypatch) -> None:
    """Every test is a process that has compiled nothing."""
    monkeypatch.setattr(compilation, "_compiled", set())


def again(monkeypatch, folder, landscape=CAMEL) -> Forecast:
    """The forecast of another process."""
    monkeypatch.setattr(compilation, "_compiled", set())
    return Forecast(landscape.surface, folder=folder)


def test_nothing_is_known_at_first(tmp_path):
    assert Forecast(CAMEL.surface, folder=tmp_path).seconds(Countdown(), 1) == 0.0


def test_what_a_process_has_compiled(tmp_path):
    forecast = Forecast(CAMEL.surface, folder=tmp_path)
    forecast.note(Countdown(), 1, 2.5)
    assert forecast.seconds(Countdown(), 1) == 0.0
    assert forecast.seconds(Countdown(steps=4), 1) == 5.0  # another kernel: twice the longest
    assert Forecast(CAMEL.surface, folder=tmp_path).seconds(Countdown(), 1) == 0.0
    assert Forecast(NETWORK.surface, folder=tmp_path).seconds(Countdown(), 1) == 0.0


def test_what_other_processes_have_compiled(tmp_path, monkeypatch):
    Forecast(CAMEL.surface, folder=tmp_path).note(Countdown(), 1, 2.0)
    Forecast(NETWORK.surface, folder=tmp_path).note(Countdown(), 1, 50.0)
    second = again(monkeypatch, tmp_path)
    assert second.seconds(Countdown(), 1) == 1.0  # its code is there: half of it
    assert second.seconds(Other(), 1) == 4.0
    second.note(Countdown(), 1, 0.7)
    assert second.seconds(Other(), 1) == 4.0
    third = again(monkeypatch, tmp_path)
    assert third.seconds(Countdown(), 1) == 0.7
    third.note(Countdown(), 1, 0.71)
    assert len((tmp_path / FILE).read_text().splitlines()) == 3  # about the same time: no line
    assert again(monkeypatch, None).seconds(Countdown(), 1) == 0.0


def test_a_busy_machine_is_noticed(tmp_path, monkeypatch):
    first = Forecast(CAMEL.surface, folder=tmp_path)
    first.note(Countdown(), 1, 2.0)
    first.note(Other(), 1, 3.0)
    busy = again(monkeypatch, tmp_path)
    busy.note(Countdown(), 1, 3.0)  # 1.0 was expected
    assert busy.seconds(Other(), 1) == pytest.approx(3.0 * 1.5)


def test_a_broken_file_is_no_harm(tmp_path, monkeypatch):
    Forecast(CAMEL.surface, folder=tmp_path).note(Countdown(), 1, 2.0)
    with (tmp_path / FILE).open("a") as stream:
        stream.write('{"landscape": "f00"}\n[3]\n{"kernel"\n\n')
    assert again(monkeypatch, tmp_path).seconds(Countdown(), 1) == 1.0
    (tmp_path / FILE).write_bytes(b"\xff\xfe" * 10)
    assert again(monkeypatch, tmp_path).seconds(Countdown(), 1) == 0.0
    (tmp_path / FILE).write_bytes(b" " * (compilation.LARGEST + 1))
    assert again(monkeypatch, tmp_path).seconds(Countdown(), 1) == 0.0
    assert not (tmp_path / FILE).exists()
    missing = again(monkeypatch, tmp_path / "nowhere")
    missing.note(Countdown(), 1, 1.0)
    assert not (tmp_path / "nowhere").exists()


def test_the_name_of_a_landscape_does_not_depend_on_addresses(tmp_path, monkeypatch):
    """A user's function is another object in every process."""

    def energy(w):
        return jnp.sum(w**2)

    names = set()
    for _ in range(2):
        from lossatlas.landscape import FunctionLandscape

        landscape = FunctionLandscape(lambda w: energy(w), [-1.0], [1.0], "f")
        names.add(Forecast(landscape.surface, folder=tmp_path).landscape)
    assert len(names) == 1


def test_only_the_same_code_counts_as_compiled(tmp_path):
    """Other functions of the same name, and other numbers of lanes, are compiled anew."""
    from lossatlas.landscape import FunctionLandscape

    first, second = (
        FunctionLandscape(lambda w, p=power: jnp.sum(w**p), [-1.0], [1.0], "f") for power in (2, 4)
    )
    forecast = Forecast(first.surface, folder=tmp_path)
    forecast.note(Countdown(), 1, 2.0)
    assert Forecast(first.surface, folder=tmp_path).seconds(Countdown(), 1) == 0.0
    assert Forecast(second.surface, folder=tmp_path).seconds(Countdown(), 1) == 1.0
    assert Forecast(first.surface, tmp_path).seconds(Countdown(), 4) == 4.0


def counted(request):
    return int((yield request).taken)


def both():
    """A search that needs two kernels."""
    first = yield count(2)
    second = yield Request(Other(), (np.asarray(3),))
    return int(first.taken) + int(second.taken)


def run(seconds_left):
    engine = Engine(CAMEL.surface, workers=2)
    with engine.session(seconds_left=seconds_left) as session:
        for search in (
            counted(count(4)),
            both(),
            counted(count(5)),
            both(),
            both(),
            counted(count(6)),
        ):
            session.submit(search)
        for _ in range(20):  # more than are in flight at once
            session.submit(both())
        session.submit(counted(count(7)))
        session.no_more()
        return dict(session.results()), session.uncompiled


def test_searches_that_need_what_cannot_be_compiled_in_time_are_dropped(monkeypatch):
    def seconds(self, kernel, lanes):
        return 100.0 if isinstance(kernel, Other) else 0.0

    monkeypatch.setattr(Forecast, "seconds", seconds)
    found, uncompiled = run(lambda: 99.0)
    assert found == {0: 4, 2: 5, 5: 6, 26: 7}
    assert uncompiled == {Other(): 100.0}
    found, uncompiled = run(lambda: 101.0)
    assert sorted(found) == list(range(27))
    assert uncompiled == {}
    found, uncompiled = run(None)  # no limit, no forecast
    assert (len(found), uncompiled) == (27, {})


def test_each_number_of_lanes_is_compiled_by_itself(tmp_path, monkeypatch):
    forecast = Forecast(CAMEL.surface, folder=tmp_path)
    forecast.note(Countdown(), 512, 10.0)
    forecast.note(Countdown(), 128, 10.0)
    assert forecast.slowness == 1.0  # the machine is as fast as it was
    assert forecast.seconds(Countdown(), 512) == forecast.seconds(Countdown(), 128) == 0.0
    later = again(monkeypatch, tmp_path)
    assert later.seconds(Countdown(), 128) == 5.0  # read from the folder
    assert later.seconds(Countdown(), 32) == 20.0
