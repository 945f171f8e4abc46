"""The trackd daemon: one process that owns the runs of a store. See ARCHITECTURE.md."""
