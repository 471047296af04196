"""What is left out of records and messages: passwords, tokens, and the URLs of webhooks."""

from __future__ import annotations

import pytest

from database.redaction import is_left_out, recorded_webhook, safe_arguments, without_secrets, without_webhook


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:geheim@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:ge@he/im@h/d?sslmode=require", "postgresql://u:***@h/d?sslmode=require"),
        ("postgresql+psycopg2://:geheim@/d?host=/tmp", "postgresql+psycopg2://:***@/d?host=/tmp"),
        ("--database=postgresql://h/d?password=geheim&x=geheim", "--database=postgresql://h/d?password=***&x=***"),
        ("postgresql://h/d?passfile=/geheim&port=1&options=-c%20a.b%3Dgeheim", "postgresql://h/d?passfile=***&port=1&options=***"),
        ("sqlite:///plain.db", "sqlite:///plain.db"),
        ("--api-key=geheim", "--api-key=***"),
        ("HF_TOKEN=geheim", "HF_TOKEN=***"),
        ("db.password=geheim", "db.password=***"),
        ("--max_tokens=512", "--max_tokens=512"),
        ("token == 'x' and lr=1", "token == 'x' and lr=1"),
        ("what?x=1", "what?x=1"),
    ],
)  # fmt: skip
def test_without_secrets(text: str, shown: str) -> None:
    """Passwords, options that may be secret and values of secret keys are hidden; the rest stays."""
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


def test_arguments() -> None:
    """What follows an option that names a secret is hidden too, unless it is an option itself."""
    given = ["run.py", "--token", "geheim", "--tokens", "5", "--hf-token", "-v", "-password", "geheim", "x"]
    shown = ["run.py", "--token", "***", "--tokens", "5", "--hf-token", "-v", "-password", "***", "x"]
    assert safe_arguments(given) == shown


@pytest.mark.parametrize(
    ("url", "recorded"),
    [
        ("https://example.org", "https://example.org"),
        ("http://example.org:80/", "http://example.org:80/"),
        ("https://geheim@example.org/", "https://example.org/..."),
        ("https://u:geheim@example.org:8443", "https://example.org:8443/..."),
        ("https://example.org/geheim", "https://example.org/..."),
        ("https://example.org?token=geheim", "https://example.org/..."),
        ("https://[::1]:80/#geheim", "https://[::1]:80/..."),
        ("${env:HOOK}", "${env:HOOK}"),
        ("https://example.org/a/${env:TOKEN}?b=${env:B}", "https://example.org/a/${env:TOKEN}?b=${env:B}"),
        ("https://${env:USER}:${env:PW}@example.org/", "https://${env:USER}:${env:PW}@example.org/"),
        ("https://u:geheim@example.org/${env:TOKEN}", "https://example.org/..."),
    ],
)
def test_recorded_webhook(url: str, recorded: str) -> None:
    """User, path and query are left out, unless they are in the environment."""
    assert recorded_webhook(url) == recorded == recorded_webhook(recorded)
    assert is_left_out(recorded) is (url != recorded)


URL = "https://u:geheim@h.org/a,b'geheim?c=1"


@pytest.mark.parametrize(
    ("text", "recorded"),
    [
        (f'notify: {{webhook: "{URL}", bell: true}}', 'notify: {webhook: "https://h.org/...", bell: true}'),
        (f"webhook: {URL}  # é\n", "webhook: https://h.org/...  # é\n"),
        (f"webhook: >-\n  {URL}\n", "webhook: >-\n  https://h.org/...\n"),
        (f"hook: &hook {URL}\nwebhook: *hook", "hook: &hook https://h.org/...\nwebhook: *hook"),
        ("webhook: 'https://u:geheim@h.org/a,b''geheim?c=1'", "webhook: 'https://h.org/...'"),
        ('{"webhook":"https:\\/\\/u:geheim@h.org\\/a"}', '{"webhook":"https://h.org/..."}'),
        ("# webhook: https://old.org/geheim, no more", "# webhook: https://old.org/..., no more"),
        ("{webhook: http://old.org/geheim}", "{webhook: http://old.org/...}"),
        ("webhook: https://h.org/${env:A}/b\nx: 1", "webhook: https://h.org/${env:A}/b\nx: 1"),
        ('webhook: "${env:A}"\nother: https://h.org/x', 'webhook: "${env:A}"\nother: https://h.org/x'),
        ("webhook: null", "webhook: null"),
    ],
)
def test_file_without_webhook(text: str, recorded: str) -> None:
    """However YAML writes it, also in a comment, the URL is cut; a second time nothing more changes."""
    assert without_webhook(text, URL) == recorded
    assert without_webhook(recorded, recorded_webhook(URL)) == recorded
