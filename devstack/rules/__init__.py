"""What doctor knows: one rule per module, and the explicit catalogue."""
