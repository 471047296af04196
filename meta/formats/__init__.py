"""CSV, JSON and plurals: forms of output that know nothing of graphs or tables."""
