"""Structured logs: one logger a process, whose lines carry the correlation id and never personal data."""

from aws_lambda_powertools import Logger

logger = Logger()
