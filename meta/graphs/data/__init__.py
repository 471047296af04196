"""The plan and the numbers of a graph, before anything is drawn."""
