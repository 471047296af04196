"""Comparing methods: tests, effect sizes, rankings, profiles, sample sizes."""
