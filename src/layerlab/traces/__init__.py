"""Read the progress of a build: BuildKit's events → vertices → steps with lines, states, seconds and bytes."""
