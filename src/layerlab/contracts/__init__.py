"""What must stay true of a project's builds, checked by real builds or reasoned from its files."""
