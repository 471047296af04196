"""The sets of code that the attempts of a series ran: recording, reading, comparing and accepting them.

Beside the sets, what else makes completed experiments incomparable is counted: the threads they had.

A set is a mapping of the paths of source files to digests. A file that one of two sets lacks was not imported
there: it is no difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from database.code_names import code_digest, code_id
from database.insert_missing import insert_missing
from database.models import Attempt, Code, Experiment, ExperimentSeries, ExperimentStatus, Outcome, SeriesCode
from database.models.code import UNKNOWN
from database.process_identity import current_user

#: How many experiments at each end `sampled_threads` looks at.
_SAMPLE = 100


@dataclass(frozen=True)
class CodeSet:
    """A set of code of a series.

    Attributes
    ----------
    id : int
        What `Attempt.code` holds.
    digest : str
        Its name: 64 hexadecimal digits.
    files : mapping
        The digest of each file, by its path relative to the project.
    git_commit : str or None
    first_run_at : datetime
        When the series ran it first.
    accepted_by : str or None
        Who accepted it as one with the other accepted sets; None when nobody has.
    """

    id: int
    digest: str
    files: Mapping[str, str] = field(repr=False)
    git_commit: str | None
    first_run_at: datetime
    accepted_by: str | None

    def differing(self, files: Mapping[str, str]) -> list[str]:
        """Return the paths that have another digest in these files."""
        return [path for path, digest in self.files.items() if files.get(path, digest) != digest]

    def agrees_with(self, files: Mapping[str, str]) -> bool:
        """Return whether no file has another digest in these files than in this set."""
        return agree(self.files, files)


@dataclass(frozen=True)
class RunningCode:
    """A set of code that a series runs, to be recorded.

    Attributes
    ----------
    files : mapping
        The digest of each file, by its path relative to the project.
    git_commit : str or None
        What is checked out, if anything.
    """

    series_id: int
    files: Mapping[str, str] = field(repr=False)
    git_commit: str | None

    @cached_property
    def id(self) -> int:
        """What `Attempt.code` holds, also before the set is recorded."""
        return code_id(self.files)


@dataclass(frozen=True)
class SeriesCodeSets:
    """The sets of code of a series, as far as known.

    Attributes
    ----------
    sets : tuple of CodeSet
        In the order in which the series ran them first.
    has_unknown : bool
        Whether it has attempts of before code was recorded.
    """

    sets: tuple[CodeSet, ...]
    has_unknown: bool

    def one_with(self, files: Mapping[str, str], *, accepted: bool = True) -> frozenset[int]:
        """Return the ids of the sets that count as one with these files.

        Parameters
        ----------
        files : mapping
        accepted : bool
            Also those that a user has accepted together with a set that agrees with the files.
        """
        agreeing = {one.id for one in self.sets if one.agrees_with(files)}
        by_users = [one for one in self.sets if one.accepted_by is not None]
        if accepted and any(one.agrees_with(files) for one in by_users):
            agreeing |= {
                one.id for one in self.sets if any(one.agrees_with(other.files) for other in by_users)
            }
        return frozenset(agreeing)

    @property
    def ids(self) -> frozenset[int]:
        """The ids of all sets."""
        return frozenset(one.id for one in self.sets)

    def latest(self, ids: Collection[int | None]) -> CodeSet | None:
        """Return the set that the series ran last for the first time, among these."""
        return next((one for one in reversed(self.sets) if one.id in ids), None)

    def other(self, ids: Collection[int | None]) -> frozenset[int]:
        """Return those of these sets that differ from the one that the series ran last, if any two differ."""
        ran = [one for one in self.sets if one.id in ids]
        for latest in reversed(ran):
            other = {one.id for one in ran} - self.one_with(latest.files, accepted=False)
            if other:
                return frozenset(other)
        return frozenset()

    def are_alike(self, digests: Collection[str], others: Collection[str]) -> bool:
        """Return whether each set agrees with one on the other side; sets are given by their names.

        An empty side is unknown, which is never another; a set that this series does not have is.
        """
        files = {one.digest: one.files for one in self.sets}

        def has_match(digest: str, among: Collection[str]) -> bool:
            return digest in among or any(
                agree(files[digest], files[other]) for other in among if {digest, other} <= files.keys()
            )

        if not digests or not others:
            return True
        pairs = [(one, others) for one in digests] + [(one, digests) for one in others]
        return all(has_match(one, among) for one, among in pairs)

    def differ(self, ids: Iterable[int | None], *, accepted: bool = True) -> bool:
        """Return whether any two of these sets differ; unknown ones never do."""
        wanted = [one for one in self.sets if one.id in set(ids)]
        return any(
            other.id not in self.one_with(one.files, accepted=accepted) for one in wanted for other in wanted
        )


def agree(files: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Return whether no file has two digests."""
    return all(others.get(path, digest) == digest for path, digest in files.items())


def record_code_set(
    session: Session, series_id: int, files: Mapping[str, str], *, git_commit: str | None
) -> int:
    """Record that a series runs a set of code, if it is new, and return the set's id; does not commit."""
    code = RunningCode(series_id, files, git_commit)
    record_code_sets(session, [code])
    return code.id


def record_code_sets(session: Session, sets: Iterable[RunningCode]) -> None:
    """Record those of the sets that are new, of series that exist; does not commit."""
    for code in sets:
        if session.get(SeriesCode, (code.series_id, code.id)) is not None:
            continue
        if session.get(ExperimentSeries, code.series_id) is None:
            continue  # it was deleted meanwhile
        if session.get(Code, code.id) is None:
            digest = code_digest(code.files)
            _insert(
                session, Code, id=code.id, digest=digest, files=dict(code.files), git_commit=code.git_commit
            )
        _insert(session, SeriesCode, series_id=code.series_id, code_id=code.id)


def code_sets(session: Session, series_id: int) -> SeriesCodeSets:
    """Read the sets of code of a series; the cost does not depend on its experiments."""
    rows = session.execute(
        select(SeriesCode.code_id, SeriesCode.created_at, SeriesCode.accepted_by, Code)
        .outerjoin(Code, Code.id == SeriesCode.code_id)
        .where(SeriesCode.series_id == series_id)
        .order_by(SeriesCode.created_at, SeriesCode.code_id)
    ).all()
    return SeriesCodeSets(
        tuple(
            CodeSet(
                row.code_id,
                code.digest,
                code.files if isinstance(code.files, dict) else {},  # a row made by hand may have any JSON
                code.git_commit,
                row.created_at,
                row.accepted_by,
            )
            for row in rows
            if (code := row.Code) is not None
        ),
        has_unknown=any(row.code_id == UNKNOWN for row in rows),
    )


def completed_by_code(session: Session, series_id: int) -> Counter[int | None]:
    """Count the completed experiments that the series file names, by the set they ran; None: unknown."""
    return _completed_by(session, series_id, Attempt.code)


def has_unknown_code(session: Session, series_id: int) -> bool:
    """Return whether the code of any completed experiment is unknown; without any it reads them all."""
    unknown = _completed(series_id).where(Attempt.code.is_(None)).limit(1)
    return session.execute(unknown).first() is not None


def sampled_threads(session: Session, series_id: int) -> tuple[int, ...]:
    """Return the numbers of threads that the first and the last completed experiments had.

    Runs begin and go on there, and the cost does not depend on the number of experiments.
    """
    known: set[int] = set()
    for order in (Experiment.finished_at, Experiment.finished_at.desc()):
        ends = (
            select(Experiment.id, Experiment.attempt_number)
            .where(Experiment.series_id == series_id, Experiment.status == ExperimentStatus.COMPLETED)
            .order_by(order)
            .limit(_SAMPLE)
            .subquery()
        )
        same = (Attempt.experiment_id == ends.c.id) & (Attempt.number == ends.c.attempt_number)
        numbers = select(Attempt.threads).join(ends, same).where(Attempt.threads.is_not(None))
        known.update(number for number in session.scalars(numbers.distinct()) if number is not None)
    return tuple(sorted(known))


def completed_by_threads(session: Session, series_id: int) -> Counter[int | None]:
    """Count them by how many threads numerical libraries had; None: unknown."""
    return _completed_by(session, series_id, Attempt.threads)


def _completed_by(
    session: Session, series_id: int, column: InstrumentedAttribute[int | None]
) -> Counter[int | None]:
    counts = _completed(series_id).with_only_columns(column.label("value"), func.count().label("n"))
    return Counter({row.value: row.n for row in session.execute(counts.group_by(column))})


def _completed(series_id: int) -> Select[Any]:
    """Select the completing attempts of experiments that the series file names."""
    return (
        select(Attempt.experiment_id)
        .join(Experiment, Experiment.id == Attempt.experiment_id)
        .where(
            Experiment.series_id == series_id,
            Experiment.status == ExperimentStatus.COMPLETED,
            ~Experiment.retired,
            Attempt.outcome == Outcome.COMPLETED,
        )
    )


def accept_code_sets(session: Session, series_id: int) -> int:
    """Accept all sets of code that a series has run as one; return how many there are. Does not commit."""
    session.execute(
        update(SeriesCode)
        .where(SeriesCode.series_id == series_id, SeriesCode.accepted_by.is_(None))
        .values(accepted_by=current_user(), accepted_at=datetime.now(UTC))
        .execution_options(synchronize_session=False)
    )
    return (
        session.scalar(select(func.count()).select_from(SeriesCode).where(SeriesCode.series_id == series_id))
        or 0
    )


def _insert(session: Session, model: type[Code | SeriesCode], **values: object) -> None:
    """Insert a row unless another process has inserted it meanwhile."""
    # With this clock, which tells the order of two that are inserted in one second of the database's.
    session.execute(insert_missing(session, model).values(created_at=datetime.now(UTC), **values))
