"""CSV, JSON and plurals: output formats that do not depend on graphs or tables."""
