"""The model of a run: pure events, state and lifecycle."""
