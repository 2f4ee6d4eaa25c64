"""Trackers and runs in the forms of other toolkits; each module needs that toolkit's package, extra ``adapters``."""
