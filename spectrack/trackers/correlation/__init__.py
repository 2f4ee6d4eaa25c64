"""Parts of the correlation-filter tracker: spectra and channels, pixel likelihood, filter, scale and extent."""
