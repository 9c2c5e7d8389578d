"""From a page to facts and Markdown: one rung a file, and the best that knows a fact wins."""
