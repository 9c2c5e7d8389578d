"""Breaking it, on purpose: real jobs, while what they need is killed, frozen or taken away."""
