"""A small client over the generated stubs. Imports grpc and the contract, nothing of the server."""

from sandboxd.client.client import SandboxClient

__all__ = ["SandboxClient"]
