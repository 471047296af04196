"""One graph from plan to figure, and the registry of kinds."""
