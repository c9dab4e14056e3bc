"""A project as LayerLab sees it: the App, its variants and edits, and the Definition of one build, as data."""
