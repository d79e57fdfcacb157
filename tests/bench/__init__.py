"""What counts, measured beside what a user would otherwise have: `make bench`."""
