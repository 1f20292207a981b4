"""Agents for worldsim's worlds: scripted policies to record with, and learned ones."""
