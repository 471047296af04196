"""What a table shows: its plan, cells, marks and caption."""
