"""Who may do what: roles, scopes, visibility, secrets and addresses. Rules only, without HTTP, SQL or a clock."""
