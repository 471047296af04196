"""Notifications that a run has ended: the terminal's bell, and a webhook.

Nothing here can fail or hang a run: whatever goes wrong is a warning.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from database.redaction import REFERENCE, is_left_out
from experiments.series_file.sections.execute import NotifySection, is_webhook

logger = logging.getLogger(__name__)


def notify(section: NotifySection, text: str, data: Mapping[str, Any]) -> None:
    """Notify by the means that the series file sets.

    Parameters
    ----------
    section : NotifySection
        `execute.notify`.
    text : str
        What happened, for the user; the key ``text`` of the payload, which chat programs show.
    data : mapping
        The other keys of the payload.
    """
    if section.bell:
        _ring()
    if section.webhook is None or is_left_out(section.webhook):
        return
    if (reason := why_not_notified(section)) is not None:
        logger.warning("the webhook could not be notified: %s", reason)
        return
    from experiments.run.webhook import post  # noqa: PLC0415 - few series have one, and its imports take long

    post(_filled_in(section.webhook), {"text": text, **data})


def why_not_notified(section: NotifySection) -> str | None:
    """Return why the webhook that the series file sets cannot be notified, and what to do; None if it can."""
    url = section.webhook
    if url is None:
        return None
    if is_left_out(url):
        return (
            f"the URL of its webhook is recorded as {url} only, as the rest may be secret; run the series by "
            "its file, or write ${env:NAME} there for what is secret"
        )
    unset = [name for name in REFERENCE.findall(url) if not os.environ.get(name)]
    if unset:
        return f"the environment variable {unset[0]} in the URL of its webhook is not set"
    if not is_webhook(_filled_in(url)):
        return "with the values of the environment, the URL of its webhook is no URL that names a host"
    return None


def _filled_in(url: str) -> str:
    return REFERENCE.sub(lambda reference: os.environ.get(reference[1], ""), url)


def _ring() -> None:
    with contextlib.suppress(OSError, ValueError):  # the terminal is closed
        if sys.stderr.isatty():
            sys.stderr.write("\a")
            sys.stderr.flush()
