"""The version, in a leaf of its own so that any module and the build can read it."""

__version__ = "0.1.0"
"""The version of this library, such as `"0.1.0"`; the same as of the package."""
