"""What the operating system knows: process trees, signals, memory, threads, state of the process."""
