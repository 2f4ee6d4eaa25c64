"""Engines: what computes a trained network: torch itself, ONNX Runtime or OpenVINO, behind one interface."""
