"""Everything about many experiments: seeding series, frames, statistics, graphs, the command line."""
