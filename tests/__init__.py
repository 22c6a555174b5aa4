"""The tests: folders mirror tinykit's."""
