"""TFX pipelines with a commentary in them."""
