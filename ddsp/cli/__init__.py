"""The `ddsp` command: one thin module a subcommand."""
