"""The benchmark: what an execution costs, beside what the same program costs bare and in other sandboxes, in one run."""
