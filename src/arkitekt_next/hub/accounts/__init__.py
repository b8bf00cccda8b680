"""Who acts: teams, persons, tokens, and the sign-in."""
