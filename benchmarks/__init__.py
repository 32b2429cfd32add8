"""What the library costs, beside what its users would write without it; run it with `python -m benchmarks`."""
