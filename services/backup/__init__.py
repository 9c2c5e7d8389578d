"""`eventjob backup` and `eventjob restore`: the log and its artifacts, to a folder and back."""
