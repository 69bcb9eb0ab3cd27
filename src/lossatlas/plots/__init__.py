"""Pictures: functions that take data and `ax` and return `ax`; they compute and save nothing."""
