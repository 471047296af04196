"""Numbers about repetitions: arrays in, frozen results out; no database, no drawing."""
