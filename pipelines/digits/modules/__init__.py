"""Code that runs inside components; a folder for each, since all of it is hashed."""
