"""The models of a series file's sections, and the checks of graphs and tables."""
