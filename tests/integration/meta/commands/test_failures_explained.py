"""Failures that `failures` explains, on both databases."""

from __future__ import annotations

from sqlalchemy import update

from database.models import Attempt
from database.session.lifecycle import SessionLocal
from tests.integration.meta.commanding import Commands, filled

#: What a process of a pool prints, and then nobody calculates what it was sent.
LOST_IN_PROCESS = """
Process ForkPoolWorker-1:
Traceback (most recent call last):
  File "/usr/lib/python3.11/multiprocessing/queues.py", line 367, in get
    return _ForkingPickler.loads(res)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^
AttributeError: Can't get attribute 'late' on <module 'train'>
"""


def test_a_process_that_could_not_load_what_it_was_sent(commands: Commands) -> None:
    """Its traceback in the log explains why the experiment waited until its timeout."""
    filled()
    one, two = commands.json("failures", "first")
    assert (one["explanation"], two["explanation"]) == (None, None)
    with SessionLocal() as session:
        lost = update(Attempt).where(Attempt.experiment_id == two["example"]).values(log_tail=LOST_IN_PROCESS)
        session.execute(lost)
        session.commit()
    shown = "could not load what it was sent (Can't get attribute 'late' on <module 'train'>); a pool waits"
    assert shown in commands("failures", "first")
    assert commands.json("failures", "first")[0]["explanation"] is None
