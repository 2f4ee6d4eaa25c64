"""Weights: files with metadata, the index that finds them, and the import of foreign checkpoints."""
