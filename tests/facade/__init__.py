"""The Python interface, `import quasipot`."""
