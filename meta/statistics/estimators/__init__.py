"""Estimators of location, spread, curves and areas."""
