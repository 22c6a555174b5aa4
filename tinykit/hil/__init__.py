"""Hardware in the loop: a pytest plugin whose `device` fixture is a board that runs your model. See docs/hil.md."""
