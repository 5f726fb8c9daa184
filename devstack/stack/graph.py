"""Dependency order and cycles."""
