"""The series file: reading YAML strictly, the models of its sections, and errors with line numbers."""
