"""Intervals: bootstrap, BCa, exact, and of aggregates over several tasks."""
