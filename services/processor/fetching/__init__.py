"""Fetching politely: HTTP cache, robots.txt, and turns at each host."""
