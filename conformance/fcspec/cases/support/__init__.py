"""What several files of cases share."""
