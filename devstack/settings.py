"""devstack's own options: default < `[devstack]` of stack.toml < `DEVSTACK_*` < flag."""
