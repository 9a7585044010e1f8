"""What is found out about a picture after its upload, in one decode."""
