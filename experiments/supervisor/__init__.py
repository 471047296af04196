"""Starts, watches and ends workers; recovers what dead ones left."""
