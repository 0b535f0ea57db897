"""Stand-ins for the outside world: mail sink, payment simulator, throwaway servers."""
