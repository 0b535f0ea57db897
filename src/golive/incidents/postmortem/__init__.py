"""The post-mortem as a document: what it says, as Markdown, PDF and pictures."""
