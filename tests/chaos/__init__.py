"""Random trouble for a running stack; `python -m tests.chaos --seconds 60 --seed 1`."""
