"""Measurements, each beside its physical floor in the same run."""
