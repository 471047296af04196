"""What `status` tells of experiments that ran other code, or with other numbers of threads."""

from __future__ import annotations

from database.code_sets import accept_code_sets, record_code_set
from database.models import SeriesCode
from database.models.code import UNKNOWN
from database.session.lifecycle import SessionLocal
from tests.integration.databases import on_sqlite
from tests.integration.meta.commanding import Commands
from tests.integration.recording import add_series, add_worker, completed, record


@on_sqlite
def test_status_tells_other_code_until_it_is_accepted(commands: Commands) -> None:
    """Sets of which one lacks a file do not differ; other threads, and what was not recorded, are told."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", repetitions=4)
        worker = add_worker(session)

        def run(files: dict[str, str], threads: int) -> None:
            code = record_code_set(session, series_id, files, git_commit=None)
            record(session, worker, series_id, [{**completed(y=1), "code": code, "threads": threads}] * 2)

        run({"f.py": "a", "helper.py": "h"}, 1)
        run({"f.py": "a"}, 1)
        assert "code" not in commands("status", "first")
        run({"f.py": "b"}, 4)
        told = commands("status", "first")
        assert "4 of 6 completed experiments ran other code than the last\n" in told
        assert "`experiments run first --accept-code`" in told
        assert "different numbers of threads (1 and 4)" in told
        data = commands.json("status", "first")
        assert (data["other_code"], data["threads"], data["unknown_code"]) == (4, [1, 4], False)
        accept_code_sets(session, series_id)
        session.add(SeriesCode(series_id=series_id, code_id=UNKNOWN))
        session.commit()
        assert "code" not in commands("status", "first")  # results of before have been replaced
        record(session, worker, series_id, [completed(y=1)])
        told = commands("status", "first")
    assert "other code" not in told
    assert "code and threads were not recorded" in told
