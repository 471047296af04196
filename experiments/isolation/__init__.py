"""`isolation: process`: a fresh process for every experiment.

A worker keeps a *fork server*: a clean process with the target loaded, without a database connection,
which forks a *child* for each experiment. The worker supervises the child: it enforces the limits,
receives the result, and determines the outcome when the child died without one.
"""
