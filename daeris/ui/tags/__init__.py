"""The components as template tags, by subject; `{% load ui %}` brings all of them."""
