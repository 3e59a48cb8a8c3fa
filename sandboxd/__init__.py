"""Runs untrusted code in throwaway containers. Imports nothing: generated stubs live in this package too."""
