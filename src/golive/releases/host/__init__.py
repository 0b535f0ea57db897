"""The host target: processes on unix sockets under a keeper that outlives golive, behind Caddy."""
