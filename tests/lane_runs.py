"""Run one kernel, or searches, in lanes and hand back the results in order."""

from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request


def single(request):
    return (yield request)


def in_order(engine, searches):
    """What the searches returned, by position."""
    found = dict(engine.run(searches))
    assert sorted(found) == list(range(len(found)))
    return [found[k] for k in range(len(found))]


def each_in_order(engine, searches):
    """What each search found, one after the other, by position."""
    found = {}
    for position, result in engine.run(searches):
        found.setdefault(position, []).append(result)
    assert sorted(found) == list(range(len(found)))
    return [found[k] for k in range(len(found))]


def results_of(surface, kernel, jobs, **options):
    """The results of one kernel for many jobs."""
    return in_order(Engine(surface, **options), [single(Request(kernel, job)) for job in jobs])
