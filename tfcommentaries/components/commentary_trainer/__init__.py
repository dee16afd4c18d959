"""Trains a model with a commentary inside a TFX pipeline."""
