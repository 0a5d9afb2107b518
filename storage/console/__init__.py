"""What the console keeps and reads."""
