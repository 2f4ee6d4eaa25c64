"""What people look at: figures, film strips and overlay video."""
