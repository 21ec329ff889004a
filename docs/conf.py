"""Sphinx: the documentation in docs/, built by `make docs` without a network and without a warning.

Pages are MyST Markdown.  Those of tutorial/ are notebooks, which are executed at every build.  What the code
knows (the keys of a case file, the checks, the public functions) is put in from there by _ext/house.py.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

project = "quasipot"
author = "the authors of quasipot"
copyright = "the authors of quasipot"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "house",
]
root_doc = "index"
exclude_patterns = ["_build", "_ext"]
suppress_warnings = ["config.cache"]  # mathjax2_config cannot be pickled on older Sphinx

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "attrs_block"]
myst_heading_anchors = 4
myst_update_mathjax = False  # that is for MathJax 3
myst_dmath_double_inline = True

# Notebooks: executed anew at every build, in folders of their own; an exception ends the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_show_tb = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0), ("html", "image/svg+xml", 10)]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("Array", "Field", "Mask", "Dofs", "Options")}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
add_module_names = False

html_theme = "furo"
html_title = "quasipot"
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": False}

# MathJax 2 as Debian has it, copied into the pages by _ext/house.py.  SVG needs no fonts, which browsers
# refuse to load from files.
mathjax_path = "mathjax/MathJax.js?config=TeX-AMS_SVG"
mathjax2_config = {
    "SVG": {"font": "TeX", "scale": 88},
    "TeX": {"equationNumbers": {"autoNumber": "none"}},
    "showMathMenu": False,
    "messageStyle": "none",
}
release = version = "0.1"
