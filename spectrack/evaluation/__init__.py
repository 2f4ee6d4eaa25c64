"""Scoring: figures, protocols, intervals over sequences, and the one analysis of a run and of several side by side."""

from spectrack.evaluation.figures import FIGURES, Figure, Figures
from spectrack.evaluation.protocols import PROTOCOLS, Protocol, get_protocol, score
from spectrack.evaluation.scores import Scores, SequenceScores

__all__ = ["FIGURES", "PROTOCOLS", "Figure", "Figures", "Protocol", "Scores", "SequenceScores", "get_protocol", "score"]
