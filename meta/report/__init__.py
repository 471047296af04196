"""Reports: all about a series on one page that needs nothing else; figures and numbers lie beside it."""
