"""What a request of Flask gives up by an exception that is handled."""

from __future__ import annotations

from typing import NoReturn

import pytest
from flask import Flask, abort, g
from sqlalchemy import func, select

from database.engine.registry import get_engine
from database.integrations.flask import init_app
from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal
from tests.integration.database.recorded_series import series
from tests.integration.databases import on_sqlite


@on_sqlite
@pytest.mark.parametrize("ending", ["abort", "error"])
def test_given_up_by_an_exception(database_url: str, ending: str, recwarn: pytest.WarningsRecorder) -> None:
    """What a view has not committed when it raises is lost without a warning, as in a `with` block."""
    app = Flask(__name__)
    init_app(app)
    get_engine()

    @app.errorhandler(ZeroDivisionError)
    def handle(_error: Exception) -> tuple[str, int]:
        return "handled", 409

    @app.post("/refuse")
    def refuse() -> NoReturn:
        g.db.add(series("lost"))
        g.db.flush()
        if ending == "abort":
            abort(409)
        raise ZeroDivisionError

    assert app.test_client().post("/refuse").status_code == 409
    with SessionLocal() as session:
        assert session.scalar(select(func.count()).select_from(ExperimentSeries)) == 0
    assert not recwarn.list
