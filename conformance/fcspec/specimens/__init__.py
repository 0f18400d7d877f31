"""The modules under call: small, neutral, and named differently in every case.

base: names, the Probe, values. sites: one slot somewhere in a module. Other kinds of modules have a file of their own.
"""

from fcspec.specimens.base import Names, Probe, probe, values_like
from fcspec.specimens.sites import BUFFERS, PARAMETERS, SITES, Site

__all__ = ["BUFFERS", "PARAMETERS", "SITES", "Names", "Probe", "Site", "probe", "values_like"]
