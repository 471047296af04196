"""One run of one or several series: options, summary, notification."""
