"""What other interpreters than TFLM compute, for operators that it lacks, and the scripts that asked them."""
