"""`eventjob provision`: what lasts on the bus, and who may do what there."""
