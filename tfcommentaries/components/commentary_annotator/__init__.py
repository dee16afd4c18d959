"""Writes annotations beside examples inside a TFX pipeline."""
