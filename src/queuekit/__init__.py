"""A job queue with pluggable backends."""

__version__ = "0.1.0"
