"""Scoring: figures, protocols, intervals over sequences, and the one analysis of a run and of several side by side."""
