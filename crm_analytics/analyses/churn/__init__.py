"""Who will leave, when and why: from what was known on a day to calibrated probabilities."""
