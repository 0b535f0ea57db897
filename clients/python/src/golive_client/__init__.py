"""What an application installs to work with golive. Import the part you need: nothing is loaded before."""

__version__ = "0.1.0"
