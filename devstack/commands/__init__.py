"""The recipe of each subcommand: what happens in which order, no decisions of its own."""
