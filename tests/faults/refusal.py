"""A database that refuses rows for good, as one with a rule of its own does."""

from __future__ import annotations

from sqlalchemy import text

from database.session.lifecycle import SessionLocal


def refuse(table: str, condition: str = "true") -> None:
    """Let the database refuse rows of a table that fulfil a condition over its columns.

    Parameters
    ----------
    condition : str
        In SQL that both databases know; without names of other tables.
    """
    with SessionLocal() as session:
        if session.get_bind().dialect.name == "postgresql":
            rule = f"ALTER TABLE {table} ADD CONSTRAINT house_rule CHECK (NOT ({condition})) NOT VALID"
            session.execute(text(rule))
        else:
            for action in ("INSERT", "UPDATE"):
                rule = (
                    f"CREATE TRIGGER house_rule_{action} AFTER {action} ON {table} "
                    f"WHEN EXISTS (SELECT 1 FROM {table} WHERE rowid = NEW.rowid AND ({condition})) "
                    "BEGIN SELECT RAISE(ABORT, 'house_rule'); END"
                )
                session.execute(text(rule))
        session.commit()


def refuse_at_commit(table: str, condition: str) -> None:
    """Let PostgreSQL refuse such rows at COMMIT only, by a deferred constraint trigger.

    Parameters
    ----------
    condition : str
        In SQL, of the row as NEW.
    """
    with SessionLocal() as session:
        session.execute(
            text(
                "CREATE FUNCTION house_rule() RETURNS trigger LANGUAGE plpgsql AS $$ "
                "BEGIN RAISE EXCEPTION 'house_rule'; END $$"
            )
        )
        session.execute(
            text(
                f"CREATE CONSTRAINT TRIGGER house_rule AFTER INSERT OR UPDATE ON {table} "
                f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({condition}) "
                "EXECUTE FUNCTION house_rule()"
            )
        )
        session.commit()


def accept(table: str) -> None:
    """Let it take everything again."""
    with SessionLocal() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT house_rule"))
        else:
            for action in ("INSERT", "UPDATE"):
                session.execute(text(f"DROP TRIGGER house_rule_{action}"))
        session.commit()
