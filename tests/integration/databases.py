"""Which database a test runs on, where that is not both."""

from __future__ import annotations

import pytest

#: For what is the same whatever the database: only the SQL of other tests differs.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
