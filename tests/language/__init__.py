"""Small functions, each of one part of the language: value, type and derivative are those of Python."""
