"""The client's half of the data service: what holds an item, and how it is stored and fetched.

Nothing here is imported before something is stored or fetched, since it needs numpy, zarr and obstore (the extra
`data`).
"""
