"""Key-value buckets and object stores on the bus."""
