"""Boxes as files: every dialect of truth, first boxes and results that the field's programs write, in and out."""
