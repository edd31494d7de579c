"""Who will leave, when and why: from what was known on a day to a calibrated probability for each customer."""
