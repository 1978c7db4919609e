"""Bytes of a photo to pixels and back."""
