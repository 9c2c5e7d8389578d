"""eventjob: conference sessions in, Markdown and ZIPs out."""
