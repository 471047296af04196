"""Plain data about a run that crosses process borders: options, assignments, control messages."""
