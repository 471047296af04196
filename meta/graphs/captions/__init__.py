"""The note below a graph: what is drawn, of how many repetitions, and what is missing."""
