"""Turn a page into facts and Markdown: one rung a file; the best rung that knows a fact wins."""
