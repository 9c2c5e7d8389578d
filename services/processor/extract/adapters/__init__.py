"""What is known of the software that conferences use, one file for each."""
