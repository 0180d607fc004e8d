"""People of the standalone portal: Flask-Security-Too on Flask-Login. A host app brings its own instead."""
