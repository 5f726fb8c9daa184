"""Where source code reads the environment, and what it falls back to."""
