"""All graphs of a series: requests, the processes that draw, files."""
