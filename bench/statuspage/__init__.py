"""The public status page under load, with everything else running and with everything else stopped."""
