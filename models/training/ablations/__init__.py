"""What a setting does: rows that differ only in it, trained from scratch with the same budget."""
