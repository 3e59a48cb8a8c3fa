"""The command line. Knows the contract, as any outsider would; serve, doctor and an embedded run start a server."""
