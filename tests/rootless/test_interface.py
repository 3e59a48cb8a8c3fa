"""What the interface promises holds for a server of an ordinary user too: the same tests, and another server."""

__all__ = [name for name in dir() if name.startswith("test_")]
