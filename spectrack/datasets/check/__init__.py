"""Checks of data sets: what is wrong with frames, truth and copies, in one sentence each."""
