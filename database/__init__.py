"""The one ORM model package and everything that knows SQL: engines, sessions, the claim protocol, queries."""
