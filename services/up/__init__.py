"""`eventjob up`: everything on one machine, started and supervised by one process."""
