"""One model per section of a series file, and what it may say."""
