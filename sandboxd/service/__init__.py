"""What happens to a submission: admission, queue, phases, verdicts. Knows no protobuf and no syscall."""
