"""The life of a container: create, start, supervise, collect, destroy. Knows no protobuf, no gRPC, no tenant."""
