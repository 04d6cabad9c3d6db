"""The Flask edge: one file a resource; views translate and call."""
