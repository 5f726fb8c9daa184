"""What each process will really see, and from where."""
