"""`eventjob backup` and `eventjob restore`: the log and what it names, in a folder and back."""
