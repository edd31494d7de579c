"""What a fit is worth: holdouts, calibration, drift, peers, independence."""
