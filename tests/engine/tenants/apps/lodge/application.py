"""Houses with guests: an application with tenants, whose tables the tests create."""

from sluice.application import Application

APPLICATION = Application(format=1, name="lodge")
