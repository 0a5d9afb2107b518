"""What several platforms' adapters share."""
