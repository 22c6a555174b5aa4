"""Small Keras models of every common kind, converted and kept: `make.py` writes them, `test_zoo.py` proves them."""
