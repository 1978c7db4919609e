"""How a crop is shown to the nets: brightness, contrast, coloured light, one tone, dark lenses."""
