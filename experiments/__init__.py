"""Running experiments: the series file, creating a series, workers, the supervisor that watches them."""
