"""Conversations on documents: threads, followers, messages that travel by e-mail."""
