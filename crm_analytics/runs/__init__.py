"""How a report is made: catalogue, kernels, publishing, schedule."""
