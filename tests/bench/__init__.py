"""What is measured by `make bench`: never a test, always side by side in one run."""
