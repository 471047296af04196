"""CSV, JSON, and what is told where nothing is chosen: independent of graphs and tables."""
