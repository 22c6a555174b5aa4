"""tinykit: from a Keras model to a proven int8 model on a microcontroller."""

__version__ = "0.1.0"
