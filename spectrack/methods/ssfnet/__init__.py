"""SSF-Net: false colour and whole cube side by side, fused by attention and spectral angle.

S2FB is in `spatial_spectral`, SAFM in `spectral_attention_fusion`, SAAM in `spectral_angle`, SAAL in `losses`.
"""
