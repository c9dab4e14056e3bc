"""This computer: LayerLab's home and its locks, running commands, known faults."""
