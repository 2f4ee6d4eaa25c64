"""SSF-Net: false colour and whole cube side by side, fused by attention and spectral angle."""
