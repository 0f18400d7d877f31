"""What research code imports, and does at module level: none of it makes a right implementation wrong, or unjudged."""
