"""Tracking in sources: while frames come, with latency, sending each box on, and into a recording."""
