"""Who calls: API keys, rate limits, and the rules that protect browsers."""
