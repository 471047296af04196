"""What must be true after a storm, seen from the outside: the experiments' own notes against the database.

It reads plain SQL and knows nothing of the code that wrote the rows.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text

from database.settings import normalise_url
from tests.chaos.plan import Plan
from tests.chaos.series import CRASHES_FORGIVEN, POINTS, Notes, right_value

#: So many examples of a broken rule are told.
_MOST_EXAMPLES = 5


@dataclass(frozen=True)
class ExperimentRow:
    """An experiment as the database has it."""

    x: int
    seed: int
    status: str
    attempt_number: int
    worker_id: str | None
    results: dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What the database says.

    Attributes
    ----------
    experiments : list of ExperimentRow
        All there are.
    attempts : dict
        Of each x the attempts that are recorded: number and outcome.
    points : Counter of (x, attempt number)
        How many points of metrics are recorded.
    alive : int
        How many runners and workers it holds for alive.
    integrity : str
        What SQLite says of its file.
    counted : dict
        How many experiments there are, and have ended by status, as the counters say.
    """

    experiments: list[ExperimentRow]
    attempts: dict[int, list[tuple[int, str]]]
    points: Counter[tuple[int, int]]
    alive: int
    integrity: str
    counted: dict[str, int]

    @classmethod
    def read(cls, url: str) -> Evidence:
        """Read it all, in one transaction."""
        engine = create_engine(normalise_url(url))
        try:
            with engine.connect() as connection:
                return cls._of(connection)
        finally:
            engine.dispose()

    @classmethod
    def _of(cls, connection: Connection) -> Evidence:
        def rows(statement: str) -> Iterable[Any]:
            return connection.execute(text(statement))

        x_of, experiments = {}, []
        for row in rows(
            "SELECT e.id, c.parameters, e.seed, e.status, e.attempt_number, e.worker_id, e.results "
            "FROM experiment e JOIN configuration c ON c.id = e.configuration_id"
        ):
            x = x_of[row[0]] = _decoded(row[1])["x"]
            experiments.append(ExperimentRow(x, *row[2:6], _decoded(row[6]) or {}))
        attempts: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for experiment_id, number, outcome in rows("SELECT experiment_id, number, outcome FROM attempt"):
            attempts[x_of[experiment_id]].append((number, outcome))
        points: Counter[tuple[int, int]] = Counter()
        for experiment_id, number, count in rows(
            "SELECT experiment_id, attempt_number, count FROM metric_chunk"
        ):
            points[x_of[experiment_id], number] += count
        [(alive,)] = rows(
            "SELECT (SELECT count(*) FROM runner WHERE state = 'alive') "
            "+ (SELECT count(*) FROM worker WHERE state = 'alive')"
        )
        names = ("experiments", "completed", "failed", "cancelled")
        [sums] = rows(f"SELECT {', '.join(f'coalesce(sum({name}), 0)' for name in names)} FROM tally")
        is_sqlite = connection.dialect.name == "sqlite"
        integrity = ", ".join(row[0] for row in rows("PRAGMA integrity_check")) if is_sqlite else "ok"
        return cls(
            experiments,
            dict(attempts),
            points,
            alive,
            integrity,
            dict(zip(names, map(int, sums), strict=True)),
        )


def violations(plan: Plan, evidence: Evidence, notes: Notes) -> list[str]:
    """Return which rules do not hold, each with examples; none after a storm that was survived."""
    found: dict[str, list[object]] = defaultdict(list)
    seen = Counter(row.x for row in evidence.experiments)
    for x in range(plan.experiments):
        if seen[x] != 1:
            found["each experiment has one row"].append(x)
    for row in evidence.experiments:
        for rule in _broken_by(row, plan, evidence, notes):
            found[rule].append(f"x={row.x} {row.status} {evidence.attempts.get(row.x, [])}")
    for token, times in notes.starts.items():
        if times > 1:
            found["no attempt is started twice"].append(token)
        if token[1] not in (number for number, _ in evidence.attempts.get(token[0], [])):
            found["each attempt that was started has its outcome"].append(token)
    for x, number in notes.logged:
        outcome = dict(evidence.attempts.get(x, [])).get(number)
        # A runner that takes over from one on another computer has not its files.
        if outcome in {"crashed", "interrupted"} and evidence.points[x, number] != POINTS:
            found["what an attempt has logged outlives it"].append((x, number, outcome))
    stand = Counter(row.status for row in evidence.experiments)
    ends = {status: stand[status] for status in ("completed", "failed", "cancelled")}
    if evidence.counted != {"experiments": stand.total(), **ends}:
        found["the counters are the counts"].append(evidence.counted)
    if evidence.alive:
        found["no runner and no worker is held for alive"].append(evidence.alive)
    if evidence.integrity != "ok":
        found["the file is whole"].append(evidence.integrity)
    return [
        f"{rule}: broken {len(examples)} times: {'; '.join(map(str, examples[:_MOST_EXAMPLES]))}"
        for rule, examples in found.items()
    ]


def leftovers(results: Iterable[Path], temporary: Path) -> list[str]:
    """Return what runners leave only while they are alive: their folders, and temporary files."""
    left = []
    for root in results:
        left += [root / ".runners"] if (root / ".runners").exists() else []
        left += root.rglob("*.tmp")
    left += temporary.iterdir()
    return [f"left behind: {path}" for path in left]


def _broken_by(row: ExperimentRow, plan: Plan, evidence: Evidence, notes: Notes) -> list[str]:
    attempts = evidence.attempts.get(row.x, [])
    outcomes = Counter(outcome for _, outcome in attempts)
    rules: dict[str, Callable[[], bool]] = {
        "nobody holds it": lambda: row.worker_id is None,
        "each number that was claimed has one outcome": lambda: (
            sorted(number for number, _ in attempts) == list(range(1, row.attempt_number + 1))
        ),
        "it was executed": lambda: any(x == row.x for x, _ in notes.starts),
    }
    if row.x in plan.poisonous:
        rules |= {
            "poison ends as failed": lambda: row.status == "failed",
            "poison is tried as often as the policy says": lambda: (
                outcomes["crashed"] == CRASHES_FORGIVEN + 1
            ),
            "poison has no result": lambda: not row.results and not outcomes["completed"],
        }
    else:
        completed = [number for number, outcome in attempts if outcome == "completed"]
        right = [{"y": right_value(row.x, row.seed), "attempt": number} for number in completed]
        rules |= {
            "it is completed": lambda: row.status == "completed",
            "it has one completed attempt, its last": lambda: completed == [row.attempt_number],
            "its result is the right one, of that attempt": lambda: (
                [{"y": row.results.get("y"), "attempt": row.results.get("attempt")}] == right
            ),
            "that attempt came to its end": lambda: all(notes.ends[row.x, number] for number in completed),
            "its metrics are there": lambda: all(
                evidence.points[row.x, number] == (0 if row.x % 5 else POINTS) for number in completed
            ),
        }
    return [rule for rule, holds in rules.items() if not holds()]


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
