"""The declarations of the shop by name."""

from sluice import application

BY_NAME = {resource.name: resource for resource in application.current().declarations()}
CATEGORIES = BY_NAME["categories"]
ORDERS = BY_NAME["orders"]
PRODUCTS = BY_NAME["products"]
USERS = BY_NAME["users"]
