"""SiamBAN on false colour: the RGB tracker that both papers build on."""
