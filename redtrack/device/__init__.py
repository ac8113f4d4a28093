"""What differs between a CPU and a GPU: their names, precision, memory and threads. Nothing else asks which one it is.

`hardware(device)` has the differences of a torch device. Another kind of device is another subclass of `Hardware`, in
`find.KINDS`.

By default a GPU computes with 16 bits. A CPU computes with 8 where it multiplies those (VNNI) and the network has been
measured for it (`rednet.int8`), with 16 where it multiplies bfloat16, else with 32. A result says what it was made
with, and `tests/test_precision.py` by how much that moves points.
"""

from redtrack.device.cpu import Cpu
from redtrack.device.find import find_device, hardware, parse_devices
from redtrack.device.gpu import Gpu
from redtrack.device.hardware import PRECISIONS, DeviceGone, Hardware, Precision, is_gone

__all__ = [
    "PRECISIONS", "Cpu", "DeviceGone", "Gpu", "Hardware", "Precision",
    "find_device", "hardware", "is_gone", "parse_devices",
]  # fmt: skip
