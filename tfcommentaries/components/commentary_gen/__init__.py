"""Learns a commentary inside a TFX pipeline."""
