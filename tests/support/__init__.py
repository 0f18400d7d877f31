"""What several tests, and the tools in this folder, share."""
