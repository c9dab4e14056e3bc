"""Two variants side by side: which lines match, and what each change did."""
