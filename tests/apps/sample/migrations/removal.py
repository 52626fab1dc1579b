"""The statement that drops the library with its data."""

DROPS = ("DROP TABLE IF EXISTS public.books, public.shelves, public.readers",)
