"""What must hold: stories, laws, agreement between engines, faults, and the rules of the house."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "without_pandas"))
