"""Hand-made records that several tests stand on."""
