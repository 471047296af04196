"""From rows of the database to arrays: everything that graphs, tables and reports are computed from."""
