"""The records of made-up series."""

from tests.made_up_records import make_records

__all__ = ["make_records"]
