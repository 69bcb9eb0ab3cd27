"""Exploration in one call, from a landscape or a study to an atlas.

The command `lossatlas explore` and the function `explore` both call `explored`.
"""

import inspect
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, Unpack

from lossatlas.analysis.auc_columns import compute_auc
from lossatlas.analysis.measure_columns import compute_measures
from lossatlas.atlas import Atlas, Problem
from lossatlas.atlas.opening import check_target
from lossatlas.distribution.executors import check_executor
from lossatlas.errors import BadInputError
from lossatlas.exploration.catalog import chosen
from lossatlas.exploration.display import ExploreDisplay, say_how_it_ended, task_shown
from lossatlas.exploration.explorer import Progress, check_tools, grow
from lossatlas.exploration.stop_rules import ExploreOptions, Settings, takes_settings
from lossatlas.exploration.width import check_lanes, check_width
from lossatlas.landscape.base import Landscape
from lossatlas.search.tools import Tools
from lossatlas.studies.problem import Prepared, prepare
from lossatlas.studies.stored_network import KEY, complete
from lossatlas.studies.study import Study, load_study

QUICK_AUC = 2_000_000
"""Largest number of items times minima for which the AUC is still computed after an interrupt; it
takes about a second."""

Source: TypeAlias = "Landscape | Study | Prepared | str | Path"
Report: TypeAlias = Callable[[Progress], None]


@takes_settings
def explore(
    source: Source,
    atlas: Atlas | str | Path | None = None,
    *,
    tools: Tools | None = None,
    progress: bool | Report = True,
    **settings: Unpack[Settings],
) -> Atlas:
    """Explore a landscape: begin an atlas, or continue one, until a stop rule holds.

    Results are committed to the atlas all the time, so that an exploration can be stopped and
    continued. Without a stop rule it ends when no new points are found any more. An interrupt
    (Ctrl-C, or the stop button of a notebook) ends it as a stop rule does; `Atlas.exploration` then
    has the reason ``"interrupted"``.

    Args:
        source: a landscape (`NetworkLandscape`, `ModelLandscape`, `FunctionLandscape`, or a class
            of your own), a `Study`, the path of a study file (``.toml``), or the result of
            `prepare`. The AUC of the minima of a study is computed at the end, as columns of the
            atlas.
        atlas: path of the atlas file, URL of a database, or an open atlas. By default None: the
            atlas of a study has the name of the study file and is in the working folder, e.g.
            ``d2.atlas`` for ``d2.toml``.
        tools: tolerances and lengths of the searches, e.g.
            ``default_tools(landscape)._replace(...)``; by default those of `default_tools`.
        progress: True (the default) shows the progress, live on a terminal or in a notebook and as
            a few lines elsewhere, and why the exploration ended. False shows nothing. A function is
            called with a `Progress` after every commit, and nothing is shown.
        minutes: number of minutes of this call, compilation included, after which to stop.
        cpu_minutes: number of minutes of CPU time, of all threads together, after which to stop.
        minima: number of minima in the atlas at which to stop.
        transition_states: number of transition states in the atlas, including degenerate ones, at
            which to stop.
        until: completeness of minima and transition states at which to stop, e.g. 0.99.
        independent_share: share of the searches that are independent draws, from which completeness
            is estimated; default 0.5 with `until`, 0.05 with the aim ``"connected"``, otherwise 0.
        aim: ``"all"`` (the default) to find all points, ``"connected"`` to find one large connected
            set of minima, which is grown from within.
        seed: seed of all random numbers of the searches; default 0.
        lanes: number of lanes of each kernel and worker; by default chosen for the device.
        workers: number of worker threads; by default one for each core.
        width: number of searches in flight, at least 2; by default that of the atlas which is
            continued, or for a new atlas as many as keep the machine busy.
        strategies: the strategies to use, by name or as `Strategy`; by default all.
        executor: a `concurrent.futures.Executor` whose workers make the searches, such as that of
            `cluster`; by default None: this process makes them. The results do not depend on it.

    Settings that are not given, or None, are those of the study if there is one.

    Returns:
        The open atlas. It can be used in a ``with`` block, and is closed when no variable refers to
        it any more.

    Raises:
        BadInputError: if an argument cannot be used; nothing is changed then.
        OtherLandscapeError: if the atlas holds another landscape; the message says what differs.
        AtlasError: if the atlas cannot be written; all committed results are safe.
        ClusterError: if the workers of the executor are lost; all committed results are safe.

    Examples:
        >>> import tempfile
        >>> from lossatlas import FunctionLandscape
        >>> wells = FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> path = f"{tempfile.mkdtemp()}/wells.atlas"
        >>> with explore(wells, path, transition_states=1, progress=False) as atlas:
        ...     atlas.exploration.reason, atlas.minima()["loss"].round(9).tolist()
        ('number', [0.0, 0.0])
    """
    grown = explored(source, atlas, settings, tools, Reporting(progress))
    if progress is True and grown.exploration is not None:
        say_how_it_ended(grown.exploration, grown.name)
    return grown


def explored(
    source: Source,
    target: Atlas | str | Path | None,
    settings: Mapping[str, Any],
    tools: Tools | None = None,
    reporting: "Reporting | None" = None,
    begun: Callable[[], object] | None = None,
) -> Atlas:
    """Explore a landscape as `explore` does, without a message at the end.

    Args:
        source: the landscape or study, as in `explore`.
        target: the atlas, as in `explore`.
        settings: the settings of `explore`, by name.
        tools: the tools, as in `explore`.
        reporting: how the progress is reported; by default as `explore` does by default.
        begun: called once everything is checked and the atlas is open, before the first search.

    Raises:
        BadInputError: if an argument cannot be used.
        OtherLandscapeError: if the atlas holds another landscape.
        AtlasError: if the atlas cannot be written.
        ClusterError: if the workers of the executor are lost.
    """
    progress, started, log = Reporting() if reporting is None else reporting
    started = time.monotonic() if started is None else started
    inspect.signature(explore).bind(source, **settings)  # raises TypeError for an unknown setting
    source = _checked_source(source)
    if not (callable(progress) or isinstance(progress, bool)):
        remedy = "use True, False or a function"
        raise BadInputError("explore: progress", f"{progress!r} cannot be used", remedy)
    options = _options(source, settings)
    target = _checked_target(source, target)
    subject = _subject(source, target, quiet=progress is not True)
    if options.executor is not None:
        check_executor(options.executor)
    if tools is not None:
        check_tools(tools, subject.landscape)
    if options.width is not None:
        check_width(options.width, subject.landscape)
    if options.lanes is not None:
        check_lanes(options.lanes, subject.landscape)
    with _opened(target, subject) as atlas:
        if begun is not None:
            begun()
        with _reporting(atlas, options, progress, started) as shown:
            report = shown if log is None else _both(shown, log)
            grow(subject.landscape, atlas, options, report, started, tools)
        if subject.of_study or KEY in atlas.problem.specification:
            _compute_columns(atlas, subject)
    return atlas


class Reporting(NamedTuple):
    """How an exploration is reported.

    Attributes:
        progress: what is shown, as in `explore`; default True.
        started: the value of `time.monotonic()` from which minutes are counted; by default None:
            from now.
        log: a function that is also called with a `Progress` after every commit; default None.
    """

    progress: bool | Report = True
    started: float | None = None
    log: Report | None = None


def _both(one: Report, other: Report) -> Report:
    def report(state: Progress) -> None:
        one(state)
        other(state)

    return report


class _Subject(NamedTuple):
    """The landscape that is explored.

    Attributes:
        landscape: the landscape.
        problem: of a study, what the atlas is to store; of another landscape, the fingerprint.
        of_study: whether it is the landscape of a study.
    """

    landscape: Landscape
    problem: Problem
    of_study: bool


def _checked_source(source: Any) -> Landscape | Study | Prepared:
    """The source, after its study file has been read if it is a path."""
    if isinstance(source, str | Path):
        if Path(source).suffix.lower() != ".toml":
            remedy = "give the path of a study (.toml), a Study or a landscape"
            raise BadInputError(str(source), "is no study file", remedy)
        return load_study(source)
    if isinstance(source, Study | Prepared | Landscape):
        return source
    problem = f"{type(source).__name__} cannot be explored"
    remedy = "give a landscape, a Study, or the path of a study"
    raise BadInputError("explore: source", problem, remedy)


def _options(source: Landscape | Study | Prepared, settings: Mapping[str, Any]) -> ExploreOptions:
    """The options of the exploration: the settings given, and those of the study for the others."""
    given = {name: value for name, value in settings.items() if value is not None}
    usual = source.explore.model_dump() if isinstance(source, Study) else {}
    options = ExploreOptions(**{**usual, **given})
    chosen(options.strategies, options.aim)  # raises an error for strategies that cannot be used
    return options


def _checked_target(source: Landscape | Study | Prepared, target: Any) -> Atlas | str | Path:
    """The atlas, or the path or URL where it is or will be."""
    if target is None and isinstance(source, Study):
        target = f"{source.name}.atlas"
    if target is None:
        remedy = 'give the path of a file, e.g. "mine.atlas"'
        raise BadInputError("explore: atlas", "only a study gives its atlas a name", remedy)
    if isinstance(target, Atlas):
        target.check_writable()
    elif isinstance(target, str | Path):
        check_target(target)
    else:
        problem = f"{type(target).__name__} is no atlas"
        raise BadInputError("explore: atlas", problem, "give a path, a URL or an open Atlas")
    return target


def _subject(
    source: Landscape | Study | Prepared, target: Atlas | str | Path, *, quiet: bool
) -> _Subject:
    if isinstance(source, Study):
        stored = _stored_problem(target)
        shown = nullcontext() if quiet else task_shown(f"{source.name}: preparing the data")
        with shown:
            source = prepare(source, stored)
    if isinstance(source, Prepared):
        return _Subject(source.landscape, source.problem, of_study=True)
    return _Subject(source, Problem(source.fingerprint()), of_study=False)


def _stored_problem(target: Atlas | str | Path) -> Problem | None:
    """The problem of the atlas that will be continued; None for a new atlas."""
    if isinstance(target, Atlas):
        return target.problem
    path = Path(target).expanduser()
    if "://" in str(target) or not path.exists() or path.stat().st_size == 0:
        return None
    with Atlas.open(target) as atlas:
        return atlas.problem


@contextmanager
def _opened(target: Atlas | str | Path, subject: _Subject) -> Iterator[Atlas]:
    """The open atlas of this landscape, which is closed on an error if it was opened here."""
    if isinstance(target, Atlas):
        target.adopt(subject.problem)
        if not subject.of_study:
            complete(target, subject.landscape)
        yield target
        return
    atlas = Atlas.open_or_create(target, subject.problem)
    try:
        if not subject.of_study:
            complete(atlas, subject.landscape)
        yield atlas
    except BaseException:
        atlas.close()
        raise


@contextmanager
def _reporting(
    atlas: Atlas, options: ExploreOptions, progress: bool | Report, started: float
) -> Iterator[Report]:
    if callable(progress):
        yield progress
    elif progress:
        counts = atlas.status()
        display = ExploreDisplay(options, started, counts["transition_states"], counts["minima"])
        with display.shown() as report:
            yield report
    else:
        yield lambda state: None


def _compute_columns(atlas: Atlas, subject: _Subject) -> None:
    """Compute the AUC or the errors of new minima, unless the program is to end and it would take
    long."""
    ended, arrays = atlas.exploration, atlas.problem.arrays
    items = sum(len(arrays.get(f"{group}_inputs", ())) for group in ("train", "test"))
    assert ended is not None  # `grow` has set it
    if ended.reason == "interrupted" and ended.minima * items > QUICK_AUC:
        text = (
            "the AUC of new minima is not computed; do it by: lossatlas auc "
            f"{atlas.name} (in Python: compute_auc)"
        )
        if "train_targets" in arrays:
            text = (
                "the errors of new minima are not computed; do it by: lossatlas metrics "
                f"{atlas.name} (in Python: compute_measures)"
            )
        warnings.warn(text, stacklevel=4)
        return
    if "train_labels" in arrays:
        compute_auc(atlas, subject.landscape, only_missing=True)
    compute_measures(atlas, subject.landscape, only_missing=True)
