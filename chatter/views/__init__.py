"""What the pages of a conversation answer, by subject."""
