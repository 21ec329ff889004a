"""Mean exit times from sets round an attractor."""
