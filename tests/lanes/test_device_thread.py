"""Who makes device calls: in order, apart from the worker, failures where results are read."""

import threading
import time

import jax
import jax.numpy as jnp
import pytest

from lossatlas.lanes.device_thread import DeviceThread


def test_calls_apart_are_made_in_order_while_the_worker_goes_on():
    calls, may, made = DeviceThread(apart=True), threading.Event(), []
    first = calls.begin(lambda: may.wait(10) and made.append("first"))
    second = calls.begin(lambda: made.append("second"))
    assert not first.done()
    assert not second.done()
    may.set()
    second.result(10)
    calls.close()
    assert made == ["first", "second"]


def test_without_a_thread_a_call_is_made_at_once():
    calls = DeviceThread(apart=False)
    assert calls.begin(threading.current_thread).result() is threading.current_thread()
    calls.close()


@pytest.mark.parametrize("apart", [False, True])
def test_what_a_call_raises_its_result_raises(apart):
    calls = DeviceThread(apart=apart)
    failed = calls.begin(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        failed.result(10)
    assert calls.begin(lambda: 3).result(10) == 3
    calls.close()


def test_calls_apart_compute_in_double_precision_on_the_device_given():
    device = jax.devices("cpu")[0]
    calls = DeviceThread(device, apart=True)
    found = calls.begin(lambda: jnp.ones(2) / 3).result(60)
    calls.close()
    assert found.dtype == "float64"
    assert found.devices() == {device}


def test_after_the_end_calls_that_have_not_begun_are_dropped():
    calls, begun, may = DeviceThread(apart=True), threading.Event(), threading.Event()
    calls.begin(lambda: begun.set() or may.wait(10))
    dropped = calls.begin(lambda: 1)
    assert begun.wait(10)
    calls.close()
    may.set()
    assert dropped.cancelled()


def test_calls_of_vectorized_lanes_are_made_one_at_a_time_on_a_processor():
    """Two at once can wait for each other for ever in XLA, where they share a few threads."""
    at_work, most = [0], [0]

    def call():
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        time.sleep(0.01)
        at_work[0] -= 1

    threads = [DeviceThread(apart=True) for _ in range(3)]
    for made in [thread.begin(call) for thread in threads for _ in range(5)]:
        made.result(60)
    for thread in threads:
        thread.close()
    assert most == [1]
