"""Programs that read env files, one module each behind the `Loader` protocol."""
