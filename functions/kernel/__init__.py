"""Pure values and rules that every bounded context shares. Imports nothing of AWS."""
