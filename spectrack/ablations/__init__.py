"""Ablations: tables of what happens to a tracker when one part of it is changed, row by row, with intervals over
sequences.
"""
