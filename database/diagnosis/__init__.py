"""Diagnosis of a database: what `experiments doctor` shows, read from the database itself."""
