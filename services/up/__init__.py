"""`eventjob up`: everything on one machine, under one process that looks after it."""
