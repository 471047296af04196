"""Drawing that kinds of graphs share: axes, intervals, jittered points."""
