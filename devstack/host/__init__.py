"""Every touch of operating-system processes and ports."""
