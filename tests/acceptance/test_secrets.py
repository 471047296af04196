"""Secrets wherever a user can put one, and everything that is written or printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.engine.registry import configure, dispose_engines
from database.models import Base, ExperimentSeries
from database.session.lifecycle import SessionLocal
from database.settings import normalise_url
from tests.acceptance.project import PATIENCE_S, Project
from tests.acceptance.test_progress import hook

#: Every secret has this word in it.
WORD = "geheim"
#: The values of failed statements: of one session of ours, and of a connection of the user's own.
TARGET = """
import os
from sqlalchemy import create_engine, text
from database.session import scoped_session

def main(x):
    value = os.environ["VALUE"]
    statement = text(f"INSERT INTO experiment_series (name) SELECT '{value}' WHERE :value = '{value}'")
    if x == 1:
        with scoped_session() as session:
            session.execute(statement, {"value": value})
    if x == 2:
        with create_engine(os.environ["EXPERIMENTS_DATABASE_URL"]).begin() as connection:
            connection.execute(statement, {"value": value})
    print("x is", x)
    return {"y": x}
"""
SCRIPT = """
import sys
from experiments.run_experiments import run_series
if __name__ == "__main__":
    for file in sys.argv[1:3]:
        print(run_series(file))
"""


def written(folder: Path, inputs: set[Path]) -> dict[str, bytes]:
    """Return the content of all files, and their names, but for what the user has written."""
    files = (path for path in folder.rglob("*") if path.is_file() and path not in inputs)
    return {str(path): path.read_bytes() + str(path).encode() for path in files}


def rows(session: Session) -> str:
    return "\n".join(
        str(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table))
    )


@pytest.mark.filterwarnings("ignore:Query string argument")
def test_secrets(project_on_both: Project) -> None:
    """No secret of a URL, the environment, a series file, the arguments or a statement is found anywhere."""
    project = project_on_both
    secret = {
        "PGPASSWORD": f"{WORD}-1",
        "PGPASSFILE": f"/{WORD}-2",
        "HOOK": f"{WORD}-3",
        "VALUE": f"{WORD}-15",
        "EXPERIMENTS_DATABASE_URL": project.url,
    }
    if project.url.startswith("postgresql"):
        with_secrets = normalise_url(project.url).update_query_dict(
            {"sslpassword": f"{WORD}-5", "options": f"-c a.b={WORD}-6", "passfile": f"/{WORD}-7"}
        )
        if not with_secrets.password:  # the embedded server asks for none
            with_secrets = with_secrets.set(password=f"{WORD}-4")
        secret["EXPERIMENTS_DATABASE_URL"] = with_secrets.render_as_string(hide_password=False)
    project.environment |= secret
    project.write("target.py", TARGET)
    project.write("script.py", SCRIPT)
    with hook() as (url, received):
        open_url = f"{url.replace('//', f'//user:{WORD}-9@')}/{WORD}-10?token={WORD}-11"
        for name, webhook in {"cut": open_url, "referring": f"{url}/${{env:HOOK}}"}.items():
            project.write(
                f"{name}.yaml",
                f"""
                name: {name}
                run: {{function: target.py:main}}
                grid: {{x: [0, 1, 2]}}
                execute: {{workers: 1, notify: {{webhook: "{webhook}"}}}}
                # webhook: https://example.org/{WORD}-12
                """,
            )
        inputs = set(project.folder.iterdir())
        arguments = ["cut.yaml", "referring.yaml", f"db.password={WORD}-13", "--token", f"{WORD}-14"]
        ran = subprocess.run(
            [sys.executable, "script.py", *arguments],
            cwd=project.folder,
            env={**project.environment, "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        )
        assert len(received) == 2
        by_name = project.here("run", "cut", "--database", secret["EXPERIMENTS_DATABASE_URL"], code=1)
        assert "nobody is told by a webhook when cut has ended: the URL" in by_name.stderr
        assert len(received) == 2
    said = [ran, by_name]
    commands = (
        "status cut --json",
        "show 2 --json",
        "failures cut --json",
        "logs cut 1",
        "export cut",
        "report cut",
        "doctor --json",
        "database check -v",
        "status nothing -v",
        f"status --database mysql://u:{WORD}@h/d?x={WORD} -v",
        f"status --database postgresql://u:{WORD}@localhost:1/d?unknown={WORD} -v",
        f"status --database postgresql:/u:{WORD}@h/d?unknown={WORD} -v",
        f"status --database sqlite:///nothing.db?unknown={WORD} -v",
    )
    said += [project.here(*command.split(), code=None) for command in commands]
    unknown = f"{project.url}{'&' if '?' in project.url else '?'}unknown={WORD}"
    said.append(project.here("status", "--database", unknown, "-v", code=None))
    configure(project.url)
    with SessionLocal() as session:
        recorded = rows(session)
        sources = session.scalars(select(ExperimentSeries.source).order_by(ExperimentSeries.name)).all()
    assert "/..." in str(sources[0])
    assert "${env:HOOK}" in str(sources[1])
    assert "Error" in recorded
    dispose_engines()
    found = {"the tables": recorded.encode(), **written(project.folder.parent, inputs)}
    for number, one in enumerate(said):
        found[f"{number}: {one.args}"] = f"{one.stdout}{one.stderr}".encode()
    leaks = {
        where: re.findall(rb".{0,80}" + WORD.encode() + rb"[^\s]*", text) for where, text in found.items()
    }
    assert {where: parts for where, parts in leaks.items() if parts} == {}
