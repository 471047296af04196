"""Services: classes that share one session, for applications on these models.

A service gets its session from the owner of the transaction, and never commits. There is one
instance of each class per session::

    class Reports(Service):
        def text(self) -> str:
            return f"{self.service(Counts).finished()} finished"

    with scoped_session(read_only=True) as session:
        print(Reports(session).text())
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from sqlalchemy.orm import Session

from database.errors import SessionMisuseError

Kind = TypeVar("Kind", bound="Service")

_KEY = "database.session.services"


@dataclass
class _Services:
    """The services of one session, from its first one until it closes."""

    instances: dict[type, Any] = field(default_factory=dict)
    in_construction: list[type] = field(default_factory=list)
    is_open: bool = True


class _OnePerSession(type):
    """A metaclass: calling the class returns the session's one instance of it."""

    def __call__(cls, session: Session, *more: Any, **named: Any) -> Any:
        if not isinstance(session, Session) or more or named:
            raise SessionMisuseError(
                f"{cls.__name__}(session) takes a session and nothing else, because there is one service "
                "per session; pass the rest to its methods"
            )
        services = _services(session)
        if cls in services.instances:
            return services.instances[cls]
        if cls in services.in_construction:
            chain = [*services.in_construction[services.in_construction.index(cls) :], cls]
            cycle = " -> ".join(service.__name__ for service in chain)
            raise SessionMisuseError(
                f"services depend on each other: {cycle}; let one of them call "
                "self.service(...) when it is used, not in __init__"
            )
        services.in_construction.append(cls)
        try:
            instance = super().__call__(session)
        finally:
            services.in_construction.pop()
        services.instances[cls] = instance
        return instance


class Service(metaclass=_OnePerSession):
    """The base of classes that share a session.

    Parameters
    ----------
    session : Session
        Of any pattern; its owner commits and closes it.
    """

    _session: Session
    _services: _Services

    def __new__(cls, session: Session) -> Self:
        """Set the session here, so that a subclass's `__init__` need not call this class's."""
        service = super().__new__(cls)
        service._session, service._services = session, _services(session)
        return service

    def __init__(self, session: Session) -> None:
        pass

    @property
    def session(self) -> Session:
        """The session, while it is open.

        Raises
        ------
        SessionMisuseError
            It was closed; a new service is needed.
        """
        if not self._services.is_open:
            name = type(self).__name__
            raise SessionMisuseError(
                f"the session of this {name} was closed; make a new one: {name}(session)"
            )
        return self._session

    def service(self, kind: type[Kind]) -> Kind:
        """Return the service of that class for the same session."""
        if not (isinstance(kind, type) and issubclass(kind, Service)):
            raise SessionMisuseError(f"self.service(...) takes a class derived from Service, not {kind!r}")
        return kind(self.session)


def _services(session: Session) -> _Services:
    services = session.info.get(_KEY)
    if not isinstance(services, _Services):
        services = session.info[_KEY] = _Services()
        _forget_at_close(session)
    return services


def _forget_at_close(session: Session) -> None:
    """Drop the session's services when it closes; SQLAlchemy has no event for that."""
    reference = weakref.ref(session)
    for name in ("close", "reset", "invalidate"):
        setattr(session, name, _closing(reference, name))


def _closing(reference: weakref.ref[Session], name: str) -> Callable[[], None]:
    def close() -> None:
        session = reference()
        assert session is not None  # it is being called
        services = session.info.pop(_KEY, None)
        for method in ("close", "reset", "invalidate"):
            session.__dict__.pop(method, None)
        if services is not None:
            services.is_open = False
            services.instances.clear()
        getattr(session, name)()

    return close
