"""What a setting does: rows that differ in it alone, trained from nothing with one budget."""
