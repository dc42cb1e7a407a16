"""Where cells live and run: the canonical notebook and the kernel that the run owns."""
