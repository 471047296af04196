"""Something else used as a session, or a session where it cannot be: one error, which says what to write.

What opens sessions (`opens_session`, `opens_block`) is none itself: without its call, without its ``with``,
or with arguments that it does not take, it raises. Functions that are given a session (`takes_session`)
refuse everything else. Sessions, engines and objects of an open session stay in their process.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import _GeneratorContextManager
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session, object_session

from database.errors import SessionMisuseError
from database.models.base import Base

Function = TypeVar("Function", bound=Callable[..., Any])
Parameters = ParamSpec("Parameters")
Yielded = TypeVar("Yielded")

_BLOCK = "with scoped_session() as session:"
_MISSING = object()


class WrongUseError(SessionMisuseError, TypeError, AttributeError):
    """Something else was used as a session, or a session where it cannot be."""


class _NotASession:
    """The base of what opens sessions; used as a session it raises.

    Attributes
    ----------
    _is : str
        What it is, as the beginning of a sentence.
    _write : str
        Its right use.
    """

    _is: str
    _write: str

    if not TYPE_CHECKING:  # type checkers find the mistake by themselves

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):  # asked by libraries, of any object
                raise AttributeError(name)
            raise WrongUseError(f"{self._is} and has no {name!r}; write `{self._write}`, then session.{name}")


class Opener(_NotASession):
    """A function that opens sessions and takes keywords only.

    Parameters
    ----------
    function : callable
        What it is called for, with its name and its keywords.
    write : str
        Its right use.
    result : callable, optional
        What is called; by default `function`.
    """

    def __init__(
        self, function: Callable[..., Any], write: str, result: Callable[..., Any] | None = None
    ) -> None:
        functools.update_wrapper(self, function)
        self._name, self._write, self._result = function.__name__, write, result or function
        self._is = f"{self._name} is a function that opens a session"
        parameters = inspect.signature(function).parameters
        self._keywords = parameters.keys()
        self._takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())

    def __reduce__(self) -> str:
        return self._name  # as functions are pickled

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Open a session.

        Raises
        ------
        WrongUseError
            It does not take these arguments.
        """
        if not arguments and (self._takes_any or options.keys() <= self._keywords):
            return self._result(**options)
        wrong = [*map(described, arguments), *(f"{name}=" for name in options if name not in self._keywords)]
        takes = "keywords" if self._takes_any else ", ".join(f"{name}=" for name in self._keywords)
        raise WrongUseError(
            f"{self._name}() opens a session of its own and takes {takes or 'no arguments'}, "
            f"not {' and '.join(wrong)}; {_advice(arguments[0] if arguments else None, self._write)}"
        )

    if not TYPE_CHECKING:

        def __enter__(self) -> NoReturn:
            raise WrongUseError(f"{self._is}, and must be called with parentheses; write `{self._write}`")

        def __exit__(self, *_error: object) -> None: ...


def opens_session(write: str) -> Callable[[Function], Function]:
    """Make a function that returns a session say what is wrong when it is not used as in `write`."""

    def decorate(function: Function) -> Function:
        return cast(Function, Opener(function, write))

    return decorate


def opens_block(
    write: str,
) -> Callable[[Callable[Parameters, Iterator[Yielded]]], Callable[Parameters, _Block[Yielded]]]:
    """Do the same for a generator that yields a session, and make it a context manager."""

    def decorate(function: Callable[Parameters, Iterator[Yielded]]) -> Callable[Parameters, _Block[Yielded]]:
        def block(**options: Any) -> _Block[Yielded]:
            return _Block(function, write, options)

        return cast("Callable[Parameters, _Block[Yielded]]", Opener(function, write, block))

    return decorate


class _Block(_NotASession, _GeneratorContextManager[Yielded]):
    """A context manager that gives a session to its block, once."""

    def __init__(self, function: Callable[..., Any], write: str, options: dict[str, Any]) -> None:
        super().__init__(function, (), options)
        self._is, self._write = f"{function.__name__}() gives a session to its `with` block", write
        self._options, self._is_entered = options, False

    def __reduce__(self) -> NoReturn:
        raise stays(f"what {self._write.split()[1]} returns")

    def _recreate_cm(self) -> _Block[Yielded]:  # as a decorator it opens a block for each call
        return _Block(self.func, self._write, self._options)

    def __enter__(self) -> Yielded:
        if self._is_entered:
            raise WrongUseError(f"{self._is} once; for the next block write `{self._write}` again")
        self._is_entered = True
        return super().__enter__()


def takes_session(function: Function) -> Function:
    """Make a function whose first argument is a session refuse everything else there.

    So it does in its second one where that is an id: a name is none, and SQLite would find nothing by it.
    """
    ids = [name for name in [*inspect.signature(function).parameters][1:2] if name.endswith("_id")]

    @functools.wraps(function)
    def checked(*arguments: Any, **options: Any) -> Any:
        given = arguments[0] if arguments else options.get("session", _MISSING)
        if given is not _MISSING and not is_session(given):
            swapped = any(map(is_session, arguments))
            advice = "the session comes first" if swapped else _advice(given)
            raise WrongUseError(f"{function.__name__}() takes a session, not {described(given)}; {advice}")
        for name in ids:
            wanted = arguments[1] if len(arguments) > 1 else options.get(name, 0)
            if type(wanted) is not int:
                raise WrongUseError(
                    f"{function.__name__}() takes {name}, a whole number (int), not {described(wanted)}; "
                    "`find_series(session, name).id` is that of a series"
                )
        return function(*arguments, **options)

    return cast(Function, checked)


def is_session(value: object) -> bool:
    """Return whether it can be used as a session: one of SQLAlchemy's, or what stands for one in a test."""
    return isinstance(value, Session) or (hasattr(value, "scalars") and hasattr(value, "flush"))


def check_given(takes: str, given: object, *kinds: type) -> None:
    """Check an argument of a public function: its kind.

    Parameters
    ----------
    takes : str
        What may be given, and to what, as the beginning of the message.
    given : object
    *kinds : type

    Raises
    ------
    WrongUseError
        It is of another kind.
    """
    if not isinstance(given, kinds):
        raise WrongUseError(f"{takes}, not {described(given)}")


def check_engine(name: str, given: object, *kinds: type) -> None:
    """Check that `given` is an engine, or of these other kinds.

    Raises
    ------
    WrongUseError
        It is something else.
    """
    if not isinstance(given, (Engine, *kinds)):
        raise WrongUseError(f"{name} takes an engine, not {described(given)}; {_advice(given)}")


def _advice(given: object, write: str = _BLOCK) -> str:
    """Return what to write in place of passing `given`."""
    if isinstance(given, Session):
        return "use that session as it is"
    if isinstance(given, Engine | Connection):
        write = "with scoped_session(engine=engine) as session:"
    elif isinstance(given, URL) or (isinstance(given, str) and "://" in given):
        write = "with scoped_session(url=url) as session:"
    elif isinstance(given, _NotASession):
        write = given._write
    return f"write `{write}`"


def described(value: object) -> str:
    """Return a value for messages, without its content."""
    if isinstance(value, _Block):
        return f"{value._write.split()[1]} that was not entered"
    if isinstance(value, type | Opener) or inspect.isroutine(value):
        return f"{getattr(value, '__name__', value)} without its call"
    if isinstance(value, str | URL | os.PathLike):  # a URL may have a password
        if isinstance(value, URL) or "://" in str(value):
            return "a URL"
        return "text" if isinstance(value, str) else "a path"
    kind = "Session" if isinstance(value, Session) else type(value).__name__
    return "None" if value is None else f"{'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}"


def stays(what: str) -> WrongUseError:
    """Return the error for something that would be sent to another process, or copied."""
    return WrongUseError(
        f"{what} cannot be copied or sent to another process: a session and its connection belong to the "
        "process that opened them. Send plain values, such as the URL and ids; there call configure(url) and "
        f"write `{_BLOCK}`"
    )


def keep_in_its_process(engine: Engine) -> None:
    """Make `engine` refuse to be sent to another process."""

    def refuse(_protocol: int) -> NoReturn:
        raise stays("an engine")

    vars(engine)["__reduce_ex__"] = refuse


@event.listens_for(Base, "pickle", propagate=True)
def _keep_attached(row: object, _pickled: object) -> None:
    if object_session(row) is not None:
        raise WrongUseError(
            f"this {type(row).__name__} belongs to an open session and cannot be sent to another process, "
            "which would not see the session: send its id and read it there, or its values"
        )
