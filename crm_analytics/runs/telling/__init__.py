"""Who is told what became of a night: by mail, by a message, in a file for those who watch machines.

Nothing here changes what a run published or its exit code. What cannot be told
is said in the run's last line.
"""
