"""`data`: images, tables and files in and out of a hub, and what can be said of them."""
