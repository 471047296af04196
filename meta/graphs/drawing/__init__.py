"""What kinds of graphs share while they draw: axes, intervals, jittered points."""
