"""The conversation core: it knows no platform, database, broker, web or model library."""
