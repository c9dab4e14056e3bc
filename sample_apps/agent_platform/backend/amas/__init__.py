"""AMAS: a few small agents that share out a goal among themselves."""
