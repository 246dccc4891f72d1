"""Facts of the kernel: tables and pure functions, each with the file of the kernel that it follows."""
