"""The points that an attempt logs, in a file that other processes read, also after its death.

One file per worker, written by the attempt that it runs, through a mapping: a point is there as soon as it is
logged, without a system call, and survives the death of the process (the kernel holds it). It is not meant to
survive a power cut. The supervisor reads it while the attempt runs, and when it died; the process of the
attempt reads it at the end.

The file is an array of slots of 32 bytes. Slot 0 has the number of slots in use and the attempt whose points
they are, slot 1 what a supervisor has recorded of them. The others are points (the slot of the metric's name,
step, reading, seconds) and names (a mark, the number of the chunk, the length of the text, which follows in
slots of its own). The number of slots in use is raised once for each call of `run.log`, by one store. So a
call is there as a whole or not at all, whenever the process dies.

Points are recorded in chunks, which are numbered from 0. The process that logs decides where a chunk ends,
and each chunk begins with the names of its metrics. So whoever reads a chunk, at whatever moment, has its
points or the first of them; and of a chunk that is recorded several times the database keeps the longest.
Nobody has to know what another process is recording: a worker and its supervisor may record the same points,
in any order.
"""
