"""Services: one instance for each session and class, gone when the session closes."""

from __future__ import annotations

import gc
import weakref

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from database.errors import SessionMisuseError
from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal, close_global_session, get_session, scoped_session
from database.session.services import Service
from database.session.thread_sessions import thread_session
from tests.integration.databases import on_sqlite


class Counts(Service):
    def all(self) -> int:
        return self.session.scalar(select(func.count()).select_from(ExperimentSeries)) or 0


class Makers(Service):
    def make(self, name: str) -> int:
        self.session.add(ExperimentSeries(name=name, resolved={}, target="a:b"))
        self.session.flush()
        return self.service(Counts).all()


class Reports(Service):
    """Builds what it needs at once."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.counts = self.service(Counts)

    def text(self) -> str:
        return f"{self.counts.all()} series"


class Chicken(Service):
    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.egg = self.service(Egg)


class Egg(Service):
    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.nest = self.service(Nest)


class Nest(Service):
    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.chicken = self.service(Chicken)


class Broken(Service):
    def __init__(self, session: Session) -> None:
        super().__init__(session)
        raise ValueError("not today")


@on_sqlite
def test_services_share_their_session(database_url: str) -> None:
    """Services of one session work in one transaction, and there is one of each class."""
    with scoped_session() as session:
        makers = Makers(session)
        assert makers.make("a") == 1
        assert Reports(session).text() == "1 series"
        assert makers.service(Reports) is Reports(session)
        assert Reports(session).counts is makers.service(Counts) is Counts(session)
    with scoped_session(read_only=True) as session:
        assert Counts(session).all() == 1


@on_sqlite
def test_services_never_commit(database_url: str) -> None:
    """What a service wrote is undone when its owner's transaction is."""
    with pytest.raises(RuntimeError), scoped_session() as session:
        Makers(session).make("a")
        raise RuntimeError
    with SessionLocal() as session:
        assert Counts(session).all() == 0


@on_sqlite
def test_sessions_never_share_services(database_url: str) -> None:
    """Two sessions have services of their own, also when both are open."""
    with SessionLocal() as one, SessionLocal() as two:
        assert Counts(one) is not Counts(two)
        assert Counts(one).session is one
        assert Counts(two).session is two


@on_sqlite
def test_service_after_its_session(database_url: str) -> None:
    """A service of a closed session says what to do, also when the session is used again."""
    with SessionLocal() as session:
        counts = Counts(session)
        assert counts.all() == 0
    for use in (counts.all, lambda: counts.service(Makers)):
        with pytest.raises(SessionMisuseError, match=r"of this Counts was closed; .*Counts\(session\)"):
            use()
    again = Counts(session)
    assert again is not counts
    assert again.all() == 0
    session.close()
    with pytest.raises(SessionMisuseError, match="was closed"):
        again.all()


@on_sqlite
def test_services_end_with_every_pattern(database_url: str) -> None:
    """Scoped, global and thread sessions end their services when they close."""
    with scoped_session() as session:
        services = [Counts(session)]
    services.append(Counts(get_session()))
    close_global_session()
    services.append(Counts(thread_session()))
    thread_session.remove()
    for service in services:
        with pytest.raises(SessionMisuseError, match="was closed"):
            service.all()


@on_sqlite
def test_services_keep_no_session_alive(database_url: str) -> None:
    """A closed session with its services is collected."""
    with SessionLocal() as session:
        Reports(session).text()
    reference = weakref.ref(session)
    del session
    gc.collect()
    assert reference() is None


@on_sqlite
def test_circular_construction(database_url: str) -> None:
    """Services that need each other to be made are told the cycle, and what to do."""
    with scoped_session() as session:
        for first, cycle in (
            (Chicken, "Chicken -> Egg -> Nest -> Chicken"),
            (Nest, "Nest -> Chicken -> Egg"),
        ):
            with pytest.raises(SessionMisuseError, match=f"{cycle}.*not in __init__"):
                first(session)
        assert Counts(session).all() == 0


@on_sqlite
def test_failed_construction(database_url: str) -> None:
    """A service that could not be made is not kept: the next one who asks gets the same error."""
    with scoped_session() as session:
        for _ in range(2):
            with pytest.raises(ValueError, match="not today"):
                Broken(session)


@on_sqlite
def test_service_that_forgets_its_base(database_url: str) -> None:
    """An __init__ that does not call the base's leaves a whole service."""

    class Forgetful(Service):
        def __init__(self, session: Session) -> None:
            self.name = "forgetful"

    with scoped_session() as session:
        assert Forgetful(session).session is session
        assert Forgetful(session).service(Counts).all() == 0


@on_sqlite
def test_what_a_service_is_made_of(database_url: str) -> None:
    """Something that is no session, more than a session, and a class that is no service are refused."""
    with pytest.raises(SessionMisuseError, match=r"Counts\(session\) takes a session and nothing else"):
        Counts(None)  # type: ignore[arg-type]  # that is the mistake
    with scoped_session() as session:
        with pytest.raises(SessionMisuseError, match="nothing else"):
            Counts(session, 2)  # type: ignore[call-arg]  # that is the mistake
        with pytest.raises(SessionMisuseError, match="a class derived from Service, not <class 'str'>"):
            Counts(session).service(str)  # type: ignore[type-var]  # that is the mistake
