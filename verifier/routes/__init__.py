"""The routes of /v1, one file a subject. Each is a plain function: it runs in a worker thread and may wait for disk or
processor."""
