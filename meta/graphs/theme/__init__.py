"""How graphs look: styles, scales, layout, ticks, sizes of text."""
