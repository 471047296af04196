"""A session for each request of a Flask application: ``g.db``.

::

    app = Flask(__name__)
    init_app(app)


    @app.post("/series/<name>/description")
    def describe(name):
        series = g.db.scalars(select(ExperimentSeries).where(ExperimentSeries.name == name)).one()
        series.description = request.get_data(as_text=True)
        g.db.commit()

The session is opened when the request first uses it, never committed by itself, rolled back when the
request fails, and closed when the request ends. Requests never share one, whichever threads serve them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from database.engine.call_site import caller_location
from database.engine.registry import get_engine
from database.errors import MissingExtraError, SessionMisuseError
from database.session.lifecycle import look_at_requests, warn_if_mixed
from database.session.thread_bound_session import ThreadBoundSession, roll_back

try:
    import flask
except ModuleNotFoundError as error:
    if error.name != "flask":
        raise
    raise MissingExtraError(
        "Flask is not installed; it comes with an extra: pip install 'experiment-series[flask]'"
    ) from error

_KEY = "experiments_session"
#: In `flask.g`: an exception has ended the view, such as that of `abort(409)`.
_ENDED_BY_EXCEPTION = "experiments_exception"


def init_app(app: flask.Flask) -> None:
    """Add ``g.db`` to `app`; a second call changes nothing.

    The database is this process's: `configure`'s, EXPERIMENTS_DATABASE_URL's, or the default.
    """
    if _KEY in app.extensions:
        return
    app.extensions[_KEY] = True
    extended: Any = type("RequestGlobals", (_WithDatabase, app.app_ctx_globals_class), {})
    app.app_ctx_globals_class = extended
    _close_after_teardown(app)
    _note_exceptions(app)
    flask.got_request_exception.connect(_roll_back, app)


def _note_exceptions(app: flask.Flask) -> None:
    """Note which requests were ended by an exception: what they have not committed was given up."""
    handle: Any = app.handle_user_exception

    def handle_user_exception(error: Exception) -> Any:
        setattr(flask.g, _ENDED_BY_EXCEPTION, True)
        return handle(error)

    # Flask's signal tells of unhandled ones only.
    app.handle_user_exception = handle_user_exception  # type: ignore[method-assign,assignment] # there is no hook


def _close_after_teardown(app: flask.Flask) -> None:
    """Close the session after all of the application's own teardown, also when one of its functions raises.

    A function of `teardown_appcontext` would be skipped then, and would run before some of the others.
    """
    teardown: Any = app.do_teardown_appcontext

    def do_teardown_appcontext(*arguments: Any, **options: Any) -> None:
        try:
            teardown(*arguments, **options)
        finally:
            opened = flask.g.pop(_KEY, None)
            if opened is not None:
                opened.adopt()  # a server may end a request in another thread
                if flask.g.pop(_ENDED_BY_EXCEPTION, False):
                    roll_back(opened)
                opened.give_up()

    app.do_teardown_appcontext = do_teardown_appcontext  # type: ignore[method-assign] # Flask has no hook for it


class _WithDatabase:
    """The mixin that adds ``db`` to the class of Flask's ``g``."""

    @property
    def db(self) -> Session:
        """Return the request's session, opened on first use.

        Raises
        ------
        SessionMisuseError
            There is no request, whose end would close it.
        """
        opened = self.__dict__.get(_KEY)
        if opened is None and not flask.has_request_context():  # teardown may still use an opened one
            raise SessionMisuseError(
                "g.db belongs to a request, which closes it at its end, and there is no request here; "
                "in scripts, commands and background threads write `with scoped_session() as session:`"
            )
        if opened is None:
            opened = self.__dict__[_KEY] = ThreadBoundSession(
                get_engine(), pattern="g.db", opened_at=caller_location()
            )
        assert isinstance(opened, ThreadBoundSession)
        opened.adopt()  # an async view runs in another thread than the code before it
        warn_if_mixed("g.db", opened.engine, opened)
        return opened

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "db":
            raise SessionMisuseError("g.db is opened when it is first used; do not assign it")
        super().__setattr__(name, value)


def _of_this_request() -> ThreadBoundSession | None:
    opened = flask.g.get(_KEY) if flask.has_app_context() else None
    assert opened is None or isinstance(opened, ThreadBoundSession)
    return opened


def _roll_back(_app: flask.Flask, **_details: Any) -> None:
    """After an unhandled error: the handler of 500 must not commit half of the work."""
    opened = flask.g.get(_KEY)
    if opened is not None:
        opened.adopt()
        roll_back(opened)


look_at_requests(_of_this_request)
