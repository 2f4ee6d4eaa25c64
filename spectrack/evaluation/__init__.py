"""Scoring: protocols, figures, intervals over sequences, and the runner that writes a run directory."""

from spectrack.evaluation.protocols import PROTOCOLS, Protocol, get_protocol, score
from spectrack.evaluation.scores import Figures, Scores, SequenceScores

__all__ = ["PROTOCOLS", "Figures", "Protocol", "Scores", "SequenceScores", "get_protocol", "score"]
