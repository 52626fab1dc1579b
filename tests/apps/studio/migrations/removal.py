"""The statements that drop the studios with their data."""

DROPS = ("DROP SCHEMA IF EXISTS studio CASCADE",)
