"""The appearance of graphs: styles, scales, layout, ticks, sizes of text."""
