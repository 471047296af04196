"""The records of a series, read from the database: graphs, tables and reports are computed from them."""
