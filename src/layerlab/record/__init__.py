"""Plain data: Build, Step, Phase, snapshots, the history of a machine's builds. Knows nothing about the rooms above."""
