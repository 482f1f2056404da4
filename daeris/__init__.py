"""The Daeris project: wiring, the shell, the documents."""
