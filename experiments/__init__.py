"""Running experiments: the series file, creation of series, executors, supervisors and workers."""
