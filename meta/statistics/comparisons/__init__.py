"""Methods compared: tests, effects, rankings, profiles, sample sizes."""
