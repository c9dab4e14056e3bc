"""Predictions of the next build's states: asked, graded by the build, and scored over the course."""
