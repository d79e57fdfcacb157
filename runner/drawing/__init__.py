"""Pictures and tables for pages that load nothing: inline SVG and HTML, made here, without a library or a script.

plot    points in a frame with axes, whiskers: SVG of a fixed size
fluid   shapes that take the width they are given; their words are HTML beside them, of one size at every width
html    tables
"""
