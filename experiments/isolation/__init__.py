"""`isolation: process`: a fresh process for every experiment.

A worker keeps a *template*: a clean process with the target loaded, without a database connection,
which forks a *child* for each experiment. The worker supervises the child: it enforces the limits,
takes the metrics and the result, and says how the child died when there is none.
"""
