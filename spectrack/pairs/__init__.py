"""What a training pair is made of: the bank, pictures, warps, spectra, clips, and batches of them."""
