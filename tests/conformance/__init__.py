"""One suite of checks for each task, run on every adapter of it."""
