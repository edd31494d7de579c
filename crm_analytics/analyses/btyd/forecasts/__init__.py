"""What fitted models expect: purchases, value, activity, with intervals."""
