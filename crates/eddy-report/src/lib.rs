//! Run results to a self-contained HTML page and to SVG and PNG pictures.
