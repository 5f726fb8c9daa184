"""Server and client of a running stack: HTTP over a 0600 unix socket."""
