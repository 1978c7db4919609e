"""What nets are built from, what they cost, and how a loaded net is made fast."""
