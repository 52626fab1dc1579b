"""The statements that drop the agency with its data."""

DROPS = ("DROP SCHEMA IF EXISTS agency CASCADE",)
