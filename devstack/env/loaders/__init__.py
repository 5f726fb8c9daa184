"""One module per program that reads env files, exact to the byte."""
