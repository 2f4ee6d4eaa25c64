"""Ablations: tables of what happens to a tracker when one part of it is changed, with intervals over sequences."""
