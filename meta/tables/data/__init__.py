"""The content of a table: its plan, cells, marks and caption."""
