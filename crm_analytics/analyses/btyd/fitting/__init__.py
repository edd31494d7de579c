"""From customer days to fitted parameters: summaries, cells, likelihood optimisation, parameter intervals."""
