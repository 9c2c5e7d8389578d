"""What a conference's schedule says of its sessions: found, read once, and matched."""
