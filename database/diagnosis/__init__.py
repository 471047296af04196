"""How a database is: what `experiments doctor` shows, read back from the database itself."""
