"""Pages that show what was learnt: their parts and pictures."""
