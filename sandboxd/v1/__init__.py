"""Generated from proto/sandboxd/v1 by `make proto`. Do not edit."""
