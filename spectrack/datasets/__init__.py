"""Data sets as lists of sequences: the field's own, folders and generated ones; description, check, conversion."""
