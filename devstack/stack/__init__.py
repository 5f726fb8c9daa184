"""What was declared: stack.toml and the Procfile beside it."""
