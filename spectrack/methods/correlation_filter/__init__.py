"""cf: a correlation filter with a spectral likelihood, learned on the video itself."""
