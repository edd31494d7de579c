"""What campaigns did: arms, effects, uplift, balance."""
