"""Local orchestrator and config guard: see docs/architecture.md."""

__version__ = "0.1.0"
