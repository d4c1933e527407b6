"""Plan the pool of mixed cloud instances that serves the most queries on time for the money."""

__version__ = "0.1.0"
