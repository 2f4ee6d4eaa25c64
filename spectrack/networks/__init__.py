"""Networks: building blocks, one module of a paper a file, and their assembly."""
