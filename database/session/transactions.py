"""Functions that are transactions: `transactional`, and `run_in_transaction` with its retries."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from database.engine.wrong_use import WrongUseError, described
from database.errors import SessionMisuseError
from database.session.lifecycle import scoped_session
from database.session.retry import retrying
from database.session.scopes import is_inside_scope

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@overload
def transactional(
    function: Callable[Concatenate[Session, Parameters], Result], /
) -> Callable[Parameters, Result]: ...


@overload
def transactional(
    *, read_only: bool = ..., isolation_level: str | None = ..., url: str | URL | None = ...
) -> Callable[[Callable[Concatenate[Session, Parameters], Result]], Callable[Parameters, Result]]: ...


def transactional(
    function: Callable[..., Any] | None = None,
    /,
    *,
    read_only: bool = False,
    isolation_level: str | None = None,
    url: str | URL | None = None,
) -> Callable[..., Any]:
    """Make each call of a function one transaction, whose session is passed as its first argument.

    Called inside another scope of the same thread it is a savepoint of that one.

    Parameters
    ----------
    function : callable
        A plain function; it gets the session first, then the arguments of the call.
    read_only, isolation_level, url
        As for `database.session.scoped_session`.

    Raises
    ------
    SessionMisuseError
        The function would run after its transaction (a generator, a coroutine), or cannot take a
        session first; also when it is called with a session.
    """
    if function is None:
        return functools.partial(transactional, read_only=read_only, isolation_level=isolation_level, url=url)
    first = _session_parameter(function)

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        if first in options or (arguments and isinstance(arguments[0], Session)):
            raise SessionMisuseError(
                f"{_name(function)}() is @transactional and gets a session of its own; call it without one"
            )
        with scoped_session(read_only=read_only, isolation_level=isolation_level, url=url) as session:
            return _finished(function(session, *arguments, **options), function)

    return run


def _session_parameter(function: Callable[..., Any]) -> str:
    """Return the name of the parameter that takes the session."""
    name = _name(function)
    if not callable(function):
        raise SessionMisuseError(f"@transactional takes a function, not {name}")
    if any(
        kind(function)
        for kind in (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    ):
        raise _runs_later(name)
    first = next(iter(inspect.signature(function).parameters.values()), None)
    if first is None or first.kind in {first.KEYWORD_ONLY, first.VAR_KEYWORD}:
        raise SessionMisuseError(f"{name} cannot be @transactional: its first parameter must be the session")
    if first.name in {"self", "cls"}:
        raise SessionMisuseError(
            f"{name} cannot be @transactional: the session would arrive as {first.name}; write "
            "`with scoped_session() as session:` inside the method"
        )
    return first.name if first.kind is first.POSITIONAL_OR_KEYWORD else ""


def _finished(result: Result, function: Callable[..., Any]) -> Result:
    """Return the result; raise if it would run after the transaction (a generator, a coroutine)."""
    if inspect.isgenerator(result) or inspect.iscoroutine(result):
        result.close()
        raise _runs_later(_name(function))
    if inspect.isasyncgen(result):
        raise _runs_later(_name(function))
    return result


def _runs_later(name: str) -> SessionMisuseError:
    return SessionMisuseError(
        f"{name} cannot be @transactional: its body runs after the call, when the transaction is over; "
        "write `with scoped_session() as session:` inside it, or return a list"
    )


def _name(function: object) -> str:
    if isinstance(function, functools.partial):
        return _name(function.func)
    return getattr(function, "__qualname__", None) or repr(function)


def run_in_transaction(
    function: Callable[..., Result],
    *arguments: Any,
    read_only: bool = False,
    isolation_level: str | None = None,
    url: str | URL | None = None,
    deadline_s: float = 60.0,
    **options: Any,
) -> Result:
    """Run a function in one transaction, again after a transient fault: a lock, a lost connection.

    Each try has a new session. Inside an open scope of this thread there is one try, as a
    savepoint: only the whole outer transaction could be repeated.

    Parameters
    ----------
    function : callable
        Called with the session, then `arguments`. Safe to repeat, also when an earlier COMMIT succeeded
        although its answer was lost.
    *arguments, **options
        Passed on; those named here are not.
    read_only, isolation_level, url
        As for `database.session.scoped_session`. SERIALIZABLE needs the retries on PostgreSQL.
    deadline_s : float
        How long to retry, in seconds since the start.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        A permanent fault, or the last transient one at the deadline.
    """
    if not callable(function):
        raise WrongUseError(
            "run_in_transaction() takes a function, which gets a session of its own, not "
            f"{described(function)}; write `run_in_transaction(function, *arguments)`"
        )

    def once() -> Result:
        with scoped_session(read_only=read_only, isolation_level=isolation_level, url=url) as session:
            return function(session, *arguments, **options)

    if is_inside_scope(url):
        return once()
    return retrying(once, deadline_s=deadline_s, reading=read_only)
