"""Tables of whole series: records in, numbers with intervals and comparisons in between, texts out."""
