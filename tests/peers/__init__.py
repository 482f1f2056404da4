"""Daeris against real peers: what the issue promises, shown with servers that are not ours."""
