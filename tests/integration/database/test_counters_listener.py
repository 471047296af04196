"""What a program writes through the models is counted, whatever session it uses, on both databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import delete, insert, inspect, text, update
from sqlalchemy.orm import Session

from database import counters
from database.counters import StatusCounts
from database.engine.registry import get_engine
from database.errors import SessionMisuseError
from database.models import Base, Configuration, Experiment, ExperimentSeries, ExperimentStatus
from database.queries.overview import series_summaries
from database.session.lifecycle import SessionLocal, scoped_session
from tests.integration.recording import add_series

COMPLETED, FAILED, CANCELLED = (
    ExperimentStatus.COMPLETED,
    ExperimentStatus.FAILED,
    ExperimentStatus.CANCELLED,
)


def plain() -> Session:
    return Session(get_engine())


@pytest.fixture(params=[SessionLocal, plain], ids=["ours", "plain"])
def session(request: pytest.FixtureRequest, database_url: str) -> Iterator[Session]:
    with request.param() as session:
        yield session


def counts(session: Session) -> StatusCounts:
    """Return what is counted, which is what there is."""
    [summary] = series_summaries(session, None)
    assert counters.missing_from_counters(session, [summary.id]) == {}
    return summary.counts


def experiments(session: Session) -> list[Experiment]:
    return session.query(Experiment).order_by(Experiment.id).all()


def test_added_changed_and_deleted(session: Session) -> None:
    """Each flush counters what it added, changed and deleted; a rollback takes that back."""
    add_series(session)
    assert counts(session) == StatusCounts(pending=4)
    first, second, third, fourth = experiments(session)
    first.status, second.status, third.status = COMPLETED, FAILED, CANCELLED
    session.flush()
    fourth.retired = True
    second.priority = 3
    session.commit()
    assert counts(session) == StatusCounts(completed=1, failed=1, cancelled=1, retired=1)
    first.status, second.retired, fourth.retired = FAILED, True, False
    session.delete(third)
    session.commit()
    assert counts(session) == StatusCounts(failed=1, retired=1, pending=1)
    session.delete(second)
    session.flush()
    with session.begin_nested() as inner:
        session.delete(first)
        session.flush()
        inner.rollback()
    session.commit()
    assert counts(session) == StatusCounts(failed=1, pending=1)
    first.status = COMPLETED
    session.flush()
    session.rollback()
    assert counts(session) == StatusCounts(failed=1, pending=1)


def test_deleted_with_its_configuration(session: Session) -> None:
    """A configuration takes its experiments with it, a series all."""
    add_series(session)
    session.delete(session.query(Configuration).first())
    session.commit()
    assert counts(session) == StatusCounts(pending=2)
    session.delete(session.query(ExperimentSeries).one())
    session.commit()
    assert session.query(Experiment).count() == 0


def changed(session: Session) -> None:
    session.query(Experiment).filter_by(repetition=0).update({"status": COMPLETED})


def changed_by_statement(session: Session) -> None:
    session.execute(update(Experiment).where(Experiment.repetition == 0).values(status=COMPLETED))


def changed_in_the_table(session: Session) -> None:
    table = Base.metadata.tables["experiment"]
    session.execute(update(table).where(table.c.repetition == 0).values(status=COMPLETED))


@pytest.mark.parametrize("change", [changed, changed_by_statement, changed_in_the_table])
def test_statements(database_url: str, change: Callable[[Session], None]) -> None:
    """What statements of our sessions do is counted anew before the commit."""
    with SessionLocal() as session:
        add_series(session)
    with scoped_session() as session:
        change(session)
    with scoped_session(read_only=True) as session:
        assert counts(session) == StatusCounts(completed=2, pending=2)


def test_statements_that_add_and_delete(database_url: str) -> None:
    """Rows inserted and deleted by statements are counted too, also those of a deleted configuration."""
    with SessionLocal() as session:
        series_id = add_series(session)
    with scoped_session() as session:
        found = session.query(Experiment.configuration_id).first()
        assert found is not None
        row = {"series_id": series_id, "configuration_id": found[0], "position": 9, "seed": 1}
        session.execute(insert(Experiment), [{**row, "repetition": number} for number in (5, 6, 7)])
    with scoped_session() as session:
        assert counts(session) == StatusCounts(pending=7)
        session.execute(delete(Experiment).where(Experiment.repetition == 5))
        session.execute(delete(Configuration).where(Configuration.id != found[0]))
    with scoped_session(read_only=True) as session:
        assert counts(session) == StatusCounts(pending=4)


def saved(session: Session) -> None:
    found = experiments(session)[:2]
    for experiment in found:
        session.expunge(experiment)
        experiment.status = COMPLETED
    session.bulk_save_objects(iter(found))


def inserted(session: Session) -> None:
    known = experiments(session)[0]
    row = {"series_id": known.series_id, "configuration_id": known.configuration_id, "position": 9, "seed": 1}
    rows = [{**row, "repetition": number, "status": COMPLETED} for number in (5, 6)]
    session.bulk_insert_mappings(inspect(Experiment), rows)


def updated(session: Session) -> None:
    rows = ({"id": experiment.id, "status": COMPLETED} for experiment in experiments(session)[:2])
    session.bulk_update_mappings(Experiment, rows)


@pytest.mark.parametrize("write", [saved, inserted, updated])
def test_bulk_methods(database_url: str, write: Callable[[Session], None]) -> None:
    """What the bulk methods of our sessions write is counted anew before the commit."""
    with SessionLocal() as session:
        add_series(session)
    with scoped_session() as session:
        write(session)
    with scoped_session(read_only=True) as session:
        assert counts(session) == StatusCounts(completed=2, pending=4 if write is inserted else 2)


def test_bulk_updates_of_series_name_their_version(database_url: str) -> None:
    """A series is updated by its key only with the version that was read; the refusal writes nothing."""
    with SessionLocal() as session:
        series_id = add_series(session)
        row: dict[str, object] = {"id": series_id, "notes": "changed"}
        for use in (
            lambda: session.bulk_update_mappings(ExperimentSeries, [row]),
            lambda: session.execute(update(ExperimentSeries), [row]),
        ):
            with pytest.raises(SessionMisuseError, match="add 'version' to each mapping"):
                use()
        session.commit()
        session.bulk_update_mappings(ExperimentSeries, [{**row, "version": 1}])
        session.commit()
        series = session.get_one(ExperimentSeries, series_id)
        assert (series.notes, series.version) == ("changed", 2)


def test_sessions_of_who_imports_only_the_engine(sqlite_url: str) -> None:
    """A plain session of SQLAlchemy on our engine is counted, whatever else of ours is imported."""
    with SessionLocal() as session:
        add_series(session)
    script = (
        "import sys\nfrom sqlalchemy.orm import Session\nfrom database.engine import get_engine\n"
        "from database.models import Experiment, ExperimentStatus\n"
        "with Session(get_engine(sys.argv[1])) as session:\n"
        "    session.query(Experiment).first().status = ExperimentStatus.COMPLETED\n"
        "    session.commit()\n"
    )
    subprocess.run([sys.executable, "-c", script, sqlite_url], check=True)
    with scoped_session(read_only=True) as session:
        assert counts(session) == StatusCounts(completed=1, pending=3)


def test_text_is_not_seen(database_url: str) -> None:
    """What is written as text is found by a count, and mended by one."""
    with SessionLocal() as session:
        add_series(session)
    with scoped_session() as session:
        session.execute(text("UPDATE experiment SET status = 'completed' WHERE repetition = 0"))
    with scoped_session() as session:
        [wrong] = counters.missing_from_counters(session, [1]).values()
        assert wrong == counters.Counters(completed=2)
        assert counters.recount_all(session) == ["série"]
        assert counts(session) == StatusCounts(completed=2, pending=2)
