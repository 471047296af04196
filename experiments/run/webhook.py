"""Posting to a webhook: whatever goes wrong is a warning."""

from __future__ import annotations

import base64
import json
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from database.redaction import LEFT_OUT

logger = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
_TRIES = 2
#: A timeout is per step of the connection; this is for the whole.
_PATIENCE_S = 12.0


def post(url: str, payload: Mapping[str, Any]) -> None:
    """Post JSON, in a thread: a DNS look-up, or a server that answers byte by byte, has no timeout."""
    body = json.dumps(payload, default=str).encode()
    failures: list[str] = []
    thread = threading.Thread(target=_post, args=(url, body, failures), name="webhook", daemon=True)
    thread.start()
    try:
        thread.join(_PATIENCE_S)
    except KeyboardInterrupt:
        logger.warning("the webhook at %s was not waited for", _safe(url))
        return
    if thread.is_alive():
        failures.append(f"no answer within {_PATIENCE_S:g} s")
    if failures:
        logger.warning("the webhook at %s could not be notified: %s", _safe(url), failures[-1])


def _post(url: str, body: bytes, failures: list[str]) -> None:
    """Try twice; append the error to `failures` if both fail."""
    problem = ""
    address, headers = _request_of(url)
    for _ in range(_TRIES):
        try:
            # The series file allows http and https only.
            request = urllib.request.Request(  # noqa: S310 - see above
                address, data=body, headers=headers, method="POST"
            )
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=_TIMEOUT_S):
                return
        except urllib.error.HTTPError as error:
            problem = f"it answered {error.code} {error.reason}"
            error.close()
            if 300 <= error.code < 500:
                break  # the same request would get the same response
        except (OSError, ValueError) as error:
            # Not the error's own text where it could repeat the URL.
            reason = getattr(error, "reason", None)
            problem = str(reason) if isinstance(reason, OSError) else type(error).__name__
        except Exception as error:  # noqa: BLE001 - http.client has errors of its own for invalid responses
            problem = type(error).__name__
    failures.append(problem)


def _request_of(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL without its user, and the headers of the request, among them that user's (RFC 7617)."""
    parts, headers = urlsplit(url), {"Content-Type": "application/json"}
    user, at, host = parts.netloc.rpartition("@")
    if at:
        headers["Authorization"] = f"Basic {base64.b64encode(unquote_to_bytes(user)).decode()}"
    return parts._replace(netloc=host).geturl(), headers


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: a redirected POST would arrive as a GET without its body."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


def _safe(url: str) -> str:
    """Return the URL without its path and query, which are secrets at most chat programs."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{LEFT_OUT}"
