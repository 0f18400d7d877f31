"""The modules under call: small, neutral, and named differently in every case.

base: names, the Probe, values. sites: one slot somewhere in a module. groups: several names of one tensor.
parametrized: tensors that a parametrization computes.
"""
