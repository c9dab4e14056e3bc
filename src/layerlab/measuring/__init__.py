"""Measure variants: compare."""
