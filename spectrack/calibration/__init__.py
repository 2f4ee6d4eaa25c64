"""From raw counts to reflectance: what a calibration holds, its file, and the calibration files of sensor makers."""
