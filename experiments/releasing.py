"""Giving back what the dead hold: with what their journals tell where those lie here, otherwise as lost."""

from __future__ import annotations

from database.revocation import holders
from database.runners import Watch, has_ended
from database.session import SessionLocal
from database.settings import Settings
from experiments.bookkeeping import Transactions
from experiments.recovery import take_over
from experiments.results_folder import ResultsFolder


def settle_gone(series_id: int, folder: ResultsFolder) -> int:
    """Record what runners had finished that died on this machine, and give back the rest.

    Nothing is done while every runner that holds experiments of the series may be alive. Only
    runners that provably are not at work any more are judged; those of other hosts are not.

    Returns
    -------
    int
        How many experiments are pending again.
    """
    settings = Settings.from_environment()
    with SessionLocal() as session:
        held = holders(session, series_id)
        session.commit()
        if not any(one.identity is not None and has_ended(one.runner_id, one.identity) for one in held):
            return 0

        watch = Watch(settings.lease_s, settings.heartbeat_s)  # has seen nobody: only processes count
        return take_over(Transactions(session), "", watch, folder)
