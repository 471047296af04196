"""Estimators of location, spread, quartiles, curves and areas."""
