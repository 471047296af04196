"""Services of the operating system: process trees, signals, memory, threads, process state."""
