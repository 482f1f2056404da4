"""Wrong settings, told at start, each with a way out."""
