"""Measures the whole service on folders of pictures with a known truth."""
