"""The executors: ways to work off a series. Each takes a session, an assignment and an observer."""
