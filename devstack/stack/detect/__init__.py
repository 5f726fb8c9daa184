"""Which services, ports, env files, shared secrets and links a repository has; for `devstack init`."""
