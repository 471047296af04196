"""Maintenance of the database: `database upgrade`, `doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from meta.commands.support import printing
from meta.commands.support.options import database_option, json_option

if TYPE_CHECKING:
    from database.diagnosis.findings import Diagnosis


#: What `database check` exits with when rows contradict each other, and `doctor` when the file is damaged.
DAMAGED = 3


@click.group()
def database() -> None:
    """Maintain the database."""


@database.command()
@database_option()
@json_option
def upgrade(*, as_json: bool) -> None:
    """Bring the tables of an older program to the current form; SQLite after a backup copy."""
    from database.engine import registry, schema

    with_engine = registry.new_engine(registry.current_url(), create=False)
    try:
        done = schema.upgrade(with_engine)
    finally:
        with_engine.dispose()
    if as_json:
        printing.print_json(done)
        return
    if done.before == done.after:
        click.echo(f"nothing to do: the database is at revision {done.after}")
        return
    click.echo(f"upgraded from revision {done.before} to {done.after}")
    if done.backup is not None:
        click.echo(f"the backup copy is {done.backup}")


@database.command()
@click.option("--repair", is_flag=True, help="Correct wrong counters of series by counting, then check.")
@database_option()
@json_option
def check(*, repair: bool, as_json: bool) -> None:
    """Read all of the database and check that nothing is damaged, lost or recorded twice.

    Without --repair it changes nothing. May take seconds for each million experiments. Runners may be
    working. Exits with 3 when something is wrong.
    """
    from database.counters import recount_all
    from database.diagnosis import integrity
    from database.session.lifecycle import scoped_session
    from database.session.transactions import run_in_transaction

    with scoped_session(read_only=True) as session:
        integrity.check_file(session.connection())
    repaired = run_in_transaction(recount_all) if repair else []
    with scoped_session(read_only=True) as session:
        violations = integrity.check_records(session)
    if as_json:
        printing.print_json(violations)
    for name in () if as_json else repaired:
        click.echo(f"recounted: {name}")
    for broken in () if as_json else violations:
        click.echo(f"broken: {broken.rule}: violated by {broken.count} {broken.of}, such as {broken.example}")
        if broken.rule == integrity.COUNTED:
            click.echo("    `experiments database check --repair` recounts them")
    if violations:
        click.get_current_context().exit(DAMAGED)
    if not as_json:
        click.echo("the database is intact, and every attempt is recorded once")


@click.command(short_help="Examine the database.")
@database_option()
@json_option
def doctor(*, as_json: bool) -> None:
    """Examine the database: its size, version, settings in force, locks, open transactions, clock.

    Advice is at the end. Exits with 3 when an SQLite file is damaged.
    """
    from database.diagnosis.diagnose import diagnose
    from database.engine import registry

    examined = registry.new_engine(registry.current_url(), create=False)
    try:
        diagnosis = diagnose(examined)
    finally:
        examined.dispose()
    if as_json:
        printing.print_json(diagnosis)
    else:
        _print_diagnosis(diagnosis)
    if diagnosis.found.is_damaged:
        click.get_current_context().exit(DAMAGED)


def _print_diagnosis(diagnosis: Diagnosis) -> None:
    printing.print_facts(_facts(diagnosis))
    for title, settings in (
        ("settings", diagnosis.found.settings),
        ("environment", diagnosis.environment),
    ):
        click.echo(f"{title}:")
        for name, value in settings.items():
            click.echo(f"    {name} = {printing.printable(value)}")
    if diagnosis.found.clients is not None:
        click.echo("connected:")
        for client in diagnosis.found.clients:
            click.echo(f"    {printing.printable(client.application)}: {client.count} {client.state}")
    for sentence in diagnosis.advice:
        click.echo(f"advice: {printing.printable(sentence)}")
    if not diagnosis.advice:
        click.echo("no problems found")


def _facts(diagnosis: Diagnosis) -> dict[str, str | None]:
    """Return the facts that are printed in one line each; None is not printed."""
    found, pool, oldest = diagnosis.found, diagnosis.pool, diagnosis.found.oldest_transaction
    difference, uncertainty = diagnosis.clock_difference_s, diagnosis.clock_uncertainty_s
    return {
        "database": diagnosis.database,
        "server": found.server,
        "size": printing.size(found.size_bytes),
        "WAL file": None if found.wal_bytes is None else printing.size(found.wal_bytes),
        "revision": diagnosis.revision or "no tables of ours",
        "pages": found.integrity,
        "write lock": found.write_lock,
        "known bugs": "; ".join(found.known_bugs) or None,
        "lock waits": None if found.lock_waits is None else str(len(found.lock_waits)),
        "oldest transaction": None
        if oldest is None
        else f"{printing.duration(oldest.seconds)}, {oldest.state} "
        f"({oldest.application}, process {oldest.pid})",
        "clock difference": f"{difference:+.3f} s ± {uncertainty:.3f} s",
        "pool": f"{pool.size} connections, {pool.overflow} more when needed; "
        f"{pool.in_use} in use, {pool.idle} idle",
    }
