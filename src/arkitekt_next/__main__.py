"""`python -m arkitekt_next` is `arkitekt-next`."""

from arkitekt_next.cli.main import main

if __name__ == "__main__":
    main()
