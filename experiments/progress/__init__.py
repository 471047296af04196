"""What is shown of a run while it goes on: looked up, estimated, and drawn for people or for programs."""
