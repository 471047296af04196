"""What is left out of messages, logs and records: passwords, tokens, and the URLs of webhooks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

#: The options of database URLs that are shown with their values; any other may be a secret.
_SHOWN_OPTIONS = frozenset(
    {
        *("host", "hostaddr", "port", "dbname", "user", "service", "application_name", "client_encoding"),
        *("connect_timeout", "tcp_user_timeout", "target_session_attrs", "load_balance_hosts"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("sslmode", "sslnegotiation", "channel_binding", "gssencmode", "require_auth"),
        *("mode", "cache", "immutable", "nolock", "timeout", "uri"),
    }
)
#: Stands for what is left out.
HIDDEN = "***"
#: Shorter words are not looked for in messages of a server: they are parts of ordinary ones.
_SHORTEST_SECRET = 4
#: The beginning of a URL with a password, which may contain what should be escaped.
_PASSWORD = re.compile(r"(?P<user>[A-Za-z][\w+.-]*:/{2,3}[^/?#@\s:]*):[^\s?#]*@")
_OPTION = re.compile(r"(?P<key>(?<=[?&])[\w.-]+)=[^&\s'\"]*")
#: A key such as ``--api-key=...`` or ``db.password=...``.
_NAMES = r"(?:password|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|credentials?)"
_SECRET = re.compile(rf"(?P<key>(?:^|(?<![\w.-]))[\w.-]*{_NAMES})=(?!=)[^&\s]+", re.IGNORECASE)
_SECRET_OPTION = re.compile(rf"--?(?:[\w.-]*[-_.])?{_NAMES}", re.IGNORECASE)
#: ``${env:NAME}`` in the URL of a webhook: the value of an environment variable when it is sent.
REFERENCE = re.compile(r"\$\{env:([A-Za-z_]\w*)\}", re.ASCII)
#: Stands for what is left out of the recorded URL of a webhook.
LEFT_OUT = "/..."
_WEBHOOK = re.compile(
    r"""(?P<key>\bwebhook["']?\s*:\s*)"""
    r"""(?P<value>"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|https?://(?:\$\{env:\w+\}|[^\s}\]])+?(?=,?(?:[\s}\]]|$)))""",
    re.DOTALL,
)


def shown_options(options: Mapping[str, str | Sequence[str]]) -> dict[str, str | Sequence[str]]:
    """Return the options of a database URL with the values of those that cannot be a secret."""
    return {key: value if key.lower() in _SHOWN_OPTIONS else HIDDEN for key, value in options.items()}


def secret_values(options: Mapping[str, str | Sequence[str]], password: str | None) -> list[str]:
    """Return what must not be shown of a database URL's options and password, the longest first.

    A server that refuses an option may repeat only a word of it.
    """
    hidden = [password or ""]
    for key, value in options.items():
        if key.lower() not in _SHOWN_OPTIONS:
            hidden += [value] if isinstance(value, str) else value
    words = [word for value in hidden for word in (value, *re.split(r"[\s=]+", value))]
    return sorted({word for word in words if len(word) >= _SHORTEST_SECRET}, key=len, reverse=True)


def without_secrets(text: str) -> str:
    """Return a text without the passwords and options of URLs in it, and without values of secret keys."""
    text = _PASSWORD.sub(rf"\g<user>:{HIDDEN}@", text)
    if "://" in text:
        text = _OPTION.sub(
            lambda option: (
                option[0] if option["key"].lower() in _SHOWN_OPTIONS else f"{option['key']}={HIDDEN}"
            ),
            text,
        )
    return _SECRET.sub(rf"\g<key>={HIDDEN}", text)


def safe_arguments(arguments: Iterable[str]) -> list[str]:
    """Return a command line without its secrets: those in one argument, and those that follow an option."""
    safe: list[str] = []
    after_secret = False
    for argument in arguments:
        is_value = after_secret and not argument.startswith("-")
        safe.append(HIDDEN if is_value else without_secrets(argument))
        after_secret = _SECRET_OPTION.fullmatch(argument) is not None
    return safe


def recorded_webhook(url: str) -> str:
    """Return the URL of a webhook as it is recorded: without user, path and query, which may be secret.

    With a reference to an environment variable it is recorded as written, unless it has a password too.
    """
    parts = urlsplit(REFERENCE.sub("1", url))
    user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    if REFERENCE.search(url) and not REFERENCE.sub("", user).strip(":"):
        return url
    if not (user or parts.path.strip("/") or parts.query or parts.fragment):
        return url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{LEFT_OUT}"


def is_left_out(url: str) -> bool:
    """Return whether the URL of a webhook is only what was recorded of it."""
    return urlsplit(url).path == LEFT_OUT


def without_webhook(text: str, url: str | None) -> str:
    """Return a series file without the URL of its webhook, wherever it stands, also commented out.

    Parameters
    ----------
    text : str
        The file as it was written.
    url : str or None
        The URL that was read from it.
    """

    def replaced(match: re.Match[str]) -> str:
        value = match["value"]
        quote = value[0] if value[0] in "\"'" else ""
        inner = value.strip(quote) if quote else value
        if "\\" in inner and url is not None:  # an escape hides what it is
            return f'{match["key"]}"{recorded_webhook(url)}"'
        return f"{match['key']}{quote}{recorded_webhook(inner)}{quote}" if "://" in inner else match[0]

    if url is not None:
        text = text.replace(url, recorded_webhook(url))
    return _WEBHOOK.sub(replaced, text)
