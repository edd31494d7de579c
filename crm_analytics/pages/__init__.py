"""How it is shown: blocks, figures, the page, the run."""
