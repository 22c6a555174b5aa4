"""The run for people: one self-contained HTML page, and the tables that the verbs print. Reads the run's JSON alone."""
