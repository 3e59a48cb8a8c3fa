"""gRPC: validate, translate, answer. Knows the service and the contract; never a syscall."""
