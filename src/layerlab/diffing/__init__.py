"""Two variants side by side: which line of one is which of the other, and what each change did."""
