"""Under nbval the blocks show their text form, whatever the shell says."""

import os

os.environ["CRM_DISPLAY"] = "text"
