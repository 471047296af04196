"""Finding, inspecting and loading what a series runs, and where its code comes from."""
