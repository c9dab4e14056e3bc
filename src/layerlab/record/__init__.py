"""Plain data: Build, Step, Phase, snapshots, the history of a machine's builds. Knows nothing of the rooms above."""
