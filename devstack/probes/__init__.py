"""One attempt each, never raising; the timing of attempts belongs to the runner."""
