"""What the operations of ddsp cost, beside the textbook formulas in the same run."""
