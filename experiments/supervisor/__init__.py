"""Starts, watches and ends workers; recovers the experiments of dead workers and runners."""
