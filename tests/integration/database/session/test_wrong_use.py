"""What opens sessions is none, and a session stays in its process: each misuse is told what to write."""

from __future__ import annotations

import inspect
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from multiprocessing.pool import Pool
from typing import Any
from unittest.mock import MagicMock

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.engine.registry import get_engine
from database.engine.wrong_use import WrongUseError
from database.errors import ExperimentsError, SessionMisuseError
from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal, commit_part, get_session, scoped_session
from database.session.thread_sessions import thread_session
from database.session.transactions import run_in_transaction
from tests.integration.database.recorded_series import add, names, series
from tests.integration.databases import on_sqlite

BLOCK = r"write `with scoped_session\(\) as session:`"
NAMES = """
from pathlib import Path
from database.engine import configure, get_engine
from database.models import ExperimentSeries
from database.queries import experiment_record, experiments, find_several
from database.series import cancel, delete_series
from database.session import *
from experiments.creation import create_series
from experiments.run_experiments import *
from meta import load_curves, load_experiments
from meta.create_experiment_series import insert_data
URL, DATA = "sqlite:///x.db", {"name": "s", "run": {"function": "train.py:main"}}
"""
MISUSES = {
    "scoped_session().query(ExperimentSeries)": rf"its `with` block and has no 'query'; {BLOCK}",
    "scoped_session.query(ExperimentSeries)": rf"and has no 'query'; {BLOCK}, then session.query",
    "get_session.add": r"write `session = get_session\(\)`, then session.add",
    "SessionLocal.query": r"write `with SessionLocal\(\) as session:`, then session.query",
    "thread_session.query": r"write `session = thread_session\(\)`, then session.query",
    "scoped_session.__enter__()": f"must be called with parentheses; {BLOCK}",
    "get_session.__enter__()": r"must be called with parentheses; write `session = get_session\(\)`",
    "scoped_session(get_session())": "opens a session of its own .*not a Session; use that session as it is",
    "scoped_session(URL)": r"not a URL; write `with scoped_session\(url=url\) as session:`",
    "scoped_session(get_engine())": r"not an Engine; write `with scoped_session\(engine=engine\)",
    "scoped_session(session=1)": f"takes read_only=, isolation_level=, url=, engine=, not session=; {BLOCK}",
    "scoped_session(engine=URL).__enter__()": r"takes an engine, not a URL; .*scoped_session\(url=url\)",
    "scoped_session(url=get_engine()).__enter__()": "named by its URL, .*not by a value of type Engine",
    "configure(get_engine())": "named by its URL, such as sqlite:///.*not by a value of type Engine",
    "get_session(URL)": r"takes no arguments, not a URL; write `with scoped_session\(url=url\) as session:`",
    "SessionLocal(URL)": "takes keywords, not a URL",
    "SessionLocal(binds=5)": "takes a mapping of models to engines, not an int",
    "SessionLocal(binds={ExperimentSeries: 5})": r"SessionLocal\(binds=...\) takes an engine, not an int",
    "SessionLocal(bind=get_session())": "takes an engine, not a Session; use that session",
    "commit_part(scoped_session)": f"takes a session, not scoped_session without its call; {BLOCK}",
    "commit_part(scoped_session())": rf"not scoped_session\(\) that was not entered; {BLOCK}",
    "commit_part(ExperimentSeries)": f"not ExperimentSeries without its call; {BLOCK}",
    "commit_part(None)": f"takes a session, not None; {BLOCK}",
    "run_in_transaction(get_session(), len)": r"a function, .* not a Session; write `run_in_transaction\(f",
    "experiment_loop(get_session(), {})": r"not registered with a runner; write `run_a_single_",
    "experiment_loop(get_session(), 's')": "a worker is a WorkerConfig or a mapping, not text",
    "experiment_loop({}, get_session())": "takes a session, not a dict; the session comes first",
    "insert_data(get_session(), [DATA, DATA])": "or as a mapping, not by a list; of several, give each",
    "insert_data(DATA)": f"takes a session, not a dict; {BLOCK}",
    "create_series(DATA, get_session())": "the session comes first",
    "run_series(get_session())": "by the path of its file, or as a mapping, not by a Session",
    "run_a_single_experiment(get_session())": "the name of a series, not a Session; it opens its own",
    "run_a_single_experiment('s', get_session())": "is a WorkerConfig or a mapping, not a Session",
    "run_a_single_experiment('s', {5: 5})": "unknown entry 5 in a worker's configuration",
    "run_several_series('s.yaml')": r"takes a list of sources, not text; of one write `run_series\(source\)`",
    "run_several_series(Path('s.yaml'))": "takes a list of sources, not a path",
    "run_several_series(DATA)": "takes a list of sources, not a dict",
    "run_several_series(5)": "takes a list of sources, not an int",
    "load_experiments(Path('s'))": "by its name, its id or itself, not by a path",
    "load_experiments(True)": "by its name, its id or itself, not by a bool",
    "load_experiments(ExperimentSeries(name='s'))": "the series s is not recorded: add it, and flush",
    "load_experiments(get_session())": "begin with the series, and give a session as session=",
    "load_curves('s', url=URL, session=get_session())": "give session= or url=, not both",
    "find_several(get_session(), 5)": "several series are given as a list of their names, not an int",
    "find_several(get_session(), Path('s'))": "as a list of their names, not a path",
    "delete_series(get_session(), 's')": r"takes series_id, a whole number \(int\), not text; `find_series\(",
    "cancel(get_session(), series_id=ExperimentSeries(name='s'))": "takes series_id, .* an ExperimentS",
    "experiment_record(get_session(), None)": "takes experiment_id, a whole number .*, not None",
    "list(experiments(get_session(), 1, status='complete'))": "one of pending, running, .*, not 'complete'",
}


@on_sqlite
@pytest.mark.parametrize("code", MISUSES)
def test_misuse_is_told_what_to_write(database_url: str, code: str) -> None:
    """What opens sessions used as one, or anything else given as one, is an error that helps."""
    namespace: dict[str, Any] = {}
    exec(NAMES, namespace)
    with pytest.raises(ExperimentsError, match=MISUSES[code]):
        eval(code, namespace)
    assert names() == []


PUBLIC = ("database.queries", "database.series", "database.session", "experiments.creation", "meta")
MORE = ("experiments.run_experiments", "meta.create_experiment_series")


def taking_a_session() -> list[Callable[..., Any]]:
    found = {}
    for module in map(import_module, (*PUBLIC, *MORE)):
        exported = getattr(module, "__all__", ())
        for name in exported or dir(module):
            value = getattr(module, name)
            if name not in exported and getattr(value, "__module__", "") != module.__name__:
                continue
            parameters = [*inspect.signature(value).parameters.values()] if inspect.isfunction(value) else []
            if parameters and parameters[0].annotation in {"Session", Session} and not name.startswith("_"):
                found[name] = value
    return list(found.values())


@on_sqlite
def test_public_functions_refuse_an_engine(database_url: str) -> None:
    """Every public function whose first argument is a session says so when it is given something else."""
    functions = taking_a_session()
    assert len(functions) > 15
    for function in functions:
        with pytest.raises(WrongUseError, match=rf"{function.__name__}\(\) takes a session, not an Engine"):
            function(get_engine(), 1)


@on_sqlite
def test_what_stands_for_a_session_is_accepted(database_url: str) -> None:
    """Mocks are sessions; libraries may look at what opens sessions, and pickle it."""
    commit_part(MagicMock())
    commit_part(MagicMock(spec=Session))
    assert not hasattr(scoped_session, "registry")
    assert inspect.signature(scoped_session).parameters["read_only"].default is False
    assert pickle.loads(pickle.dumps([scoped_session, get_session, thread_session])) == [
        scoped_session,
        get_session,
        thread_session,
    ]


@on_sqlite
def test_block_is_entered_once(database_url: str) -> None:
    """A scope that was entered before must be called again; a decorator opens one for each call."""
    scope = scoped_session()
    with scope:
        pass
    with pytest.raises(WrongUseError, match=f"once; for the next block {BLOCK}"), scope:
        pass

    @scoped_session()  # type: ignore[operator]  # a context manager of contextlib is a decorator too
    def write(name: str) -> None:
        add(name)

    write("one")
    write("two")
    assert names() == ["one", "two"]


def _use(session: Session, _number: int = 0) -> int:
    return len(session.scalars(select(ExperimentSeries)).all())


def _name(row: ExperimentSeries) -> str:
    return row.name


def _with_pool(method: str, work: Callable[..., Any], items: list[Any]) -> list[Any]:
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert isinstance(pool, Pool)
        return pool.map(work, items)


@on_sqlite
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_sessions_stay_in_their_process(database_url: str) -> None:
    """A session, an engine, or an object of an open session that would be sent elsewhere is refused here."""
    add("one")
    session = get_session()
    row = session.scalars(select(ExperimentSeries)).one()
    for method, work, items in (
        ("fork", _use, [session]),
        ("forkserver", partial(_use, session), [1, 2]),
        ("fork", _use, [get_engine()]),
        ("fork", _use, [scoped_session()]),
    ):
        with pytest.raises(WrongUseError, match=r"cannot be copied or sent to .*configure\(url\)"):
            _with_pool(method, work, items)
    with pytest.raises(WrongUseError, match="ExperimentSeries belongs to an open session and cannot be sent"):
        _with_pool("fork", _name, [row])
    with (
        ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as processes,
        pytest.raises(WrongUseError, match=r"the session of get_session\(\) at .*test_wrong_use"),
    ):
        processes.submit(_use, session).result()
    with pytest.raises(WrongUseError, match="cannot be copied or sent"):
        multiprocessing.get_context("spawn").Process(target=_use, args=(session,)).start()
    session.expunge(row)
    assert _with_pool("fork", _name, [row]) == ["one"]


_shared: list[Session] = []


def _use_shared(_number: int) -> int:
    return _use(_shared[0])


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_session_shared_by_a_pool(database_url: str) -> None:
    """Functions of a pool that use a session of the parent, inherited by the fork, are told in the parent."""
    with SessionLocal() as session:
        _shared[:] = [session]
        with pytest.raises(SessionMisuseError, match=r"belongs to process .* by its child .*open one there"):
            _with_pool("fork", _use_shared, [1, 2])
        assert _use(session) == 0  # the parent's goes on


def test_work_of_a_transaction_is_the_functions(database_url: str) -> None:
    """run_in_transaction and the openers work as before when they are used rightly."""
    run_in_transaction(lambda session: session.add(series("a")))
    with SessionLocal(autoflush=False) as session:
        assert session.scalar(select(ExperimentSeries.name)) == "a"
