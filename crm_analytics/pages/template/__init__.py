"""The HTML page: template, stylesheet and the loader script."""
