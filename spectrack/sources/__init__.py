"""Frames without an end: cameras, addresses, folders that grow, bytes on a stream, and whatever a program gives."""
