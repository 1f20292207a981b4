"""The verbs at the command line: films in, films out."""
