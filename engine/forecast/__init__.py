"""Forecasts of many series at once: numbers in, numbers out. Nothing here knows of batches of rows, plans or notes."""
