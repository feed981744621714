"""Turns sound into a stream of volumes: `python -m producer --help`."""
