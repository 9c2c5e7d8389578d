"""Fetch politely: HTTP cache, robots.txt, rate limits per host."""
