"""Runs on disk: claiming, writing, resuming and reading them, timing, and the benchmark over many sequences."""
