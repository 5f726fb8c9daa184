"""Consumers of results and events: they render, they never decide."""
