"""The kernel, one module a mechanism. Knows nothing of submissions; raises OSError and nothing else."""
