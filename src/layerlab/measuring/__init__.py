"""Measure variants with `compare`."""
