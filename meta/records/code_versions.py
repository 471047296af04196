"""The code that experiments ran, and with how many threads: per configuration, from their attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from database.code_sets import CodeSet, SeriesCodeSets, code_sets
from database.models import Attempt, Experiment, ExperimentStatus


@dataclass(frozen=True)
class CodeVersion:
    """The code that some experiments ran, as a figure's metadata tells it.

    Attributes
    ----------
    commit : str or None
        Of git; None when it was not under version control, or is unknown.
    uncommitted : bool or None
        Only in figures that were drawn before sets of code were recorded: whether there were uncommitted
        changes.
    experiments : int
        How many completed experiments ran it, without retired ones.
    code : str or None
        The name of the set of files; None when it is unknown.
    threads : int or None
        How many threads they ran with; None when that is unknown.
    other : bool
        Whether a file of it differs from the set among these that the series ran last.
    accepted : bool
        Whether a user has accepted this set as one with others.
    """

    commit: str | None
    uncommitted: bool | None
    experiments: int
    code: str | None = None
    threads: int | None = None
    other: bool = False
    accepted: bool = False


@dataclass(frozen=True)
class ConfigurationCode:
    """How many completed experiments of a configuration ran that set of code with so many threads."""

    configuration_id: int
    code: int | None
    threads: int | None
    experiments: int


@dataclass(frozen=True)
class ExperimentsCode:
    """The code of the completed experiments of a series, or of some of its configurations.

    Experiments that were made by hand have no attempt, and are not among them.

    Attributes
    ----------
    parts : sequence of ConfigurationCode
    sets : SeriesCodeSets
        Those of the series.
    """

    parts: Sequence[ConfigurationCode] = ()
    sets: SeriesCodeSets = field(default_factory=lambda: SeriesCodeSets((), has_unknown=False))

    def of(self, configuration_ids: Collection[int]) -> ExperimentsCode:
        """Return the code of some configurations."""
        chosen = set(configuration_ids)
        return ExperimentsCode([part for part in self.parts if part.configuration_id in chosen], self.sets)

    @property
    def experiments(self) -> int:
        """How many experiments these are."""
        return sum(part.experiments for part in self.parts)

    @property
    def set_ids(self) -> frozenset[int]:
        """The sets that they ran, as far as known."""
        return frozenset(part.code for part in self.parts if part.code is not None)

    def other_sets(self) -> frozenset[int]:
        """Return those of the sets that differ from the one that the series ran last, if any two differ."""
        return self.sets.other(self.set_ids)

    def are_accepted(self) -> bool:
        """Return whether users have accepted all sets that differ as one."""
        return not self.sets.differ(self.set_ids)

    def count(self, set_ids: Collection[int | None]) -> int:
        """Count the experiments that ran one of these sets."""
        return sum(part.experiments for part in self.parts if part.code in set_ids)

    def by_threads(self) -> Counter[int | None]:
        """Count the experiments by their number of threads; None: unknown."""
        counts: Counter[int | None] = Counter()
        for part in self.parts:
            counts[part.threads] += part.experiments
        return counts

    def versions(self) -> tuple[CodeVersion, ...]:
        """Return the versions of the code, most experiments first."""
        sets: dict[int | None, CodeSet] = {one.id: one for one in self.sets.sets}
        other = self.other_sets()
        counts: Counter[tuple[int | None, int | None]] = Counter()
        for part in self.parts:
            counts[part.code if part.code in sets else None, part.threads] += part.experiments
        versions = [
            CodeVersion(
                commit=None if code is None else sets[code].git_commit,
                uncommitted=None,
                experiments=count,
                code=None if code is None else sets[code].digest,
                threads=threads,
                other=code in other,
                accepted=code is not None and sets[code].accepted_by is not None,
            )
            for (code, threads), count in counts.items()
        ]
        return tuple(sorted(versions, key=lambda one: (-one.experiments, one.code or "", one.threads or 0)))


def read_code(
    session: Session, series_id: int, conditions: Sequence[ColumnElement[bool]] = ()
) -> ExperimentsCode:
    """Return the code that the completed experiments of each configuration ran.

    Parameters
    ----------
    session : Session
    series_id : int
    conditions : sequence
        On `Experiment`: only experiments that match all of them.
    """
    completing = (Attempt.experiment_id == Experiment.id) & (Attempt.number == Experiment.attempt_number)
    columns = (Experiment.configuration_id, Attempt.code, Attempt.threads)
    rows = session.execute(
        select(*columns, func.count())
        .select_from(Experiment)
        .join(Attempt, completing)
        .where(
            Experiment.series_id == series_id,
            Experiment.status == ExperimentStatus.COMPLETED,
            Experiment.retired.is_(False),
            *conditions,
        )
        .group_by(*columns)
        .order_by(*columns)
    )
    return ExperimentsCode([ConfigurationCode(*row) for row in rows], code_sets(session, series_id))
