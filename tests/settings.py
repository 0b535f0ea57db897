"""golive's own settings on a data folder that is thrown away, one for each test process."""

import os
import tempfile

os.environ["GOLIVE_DATA"] = tempfile.mkdtemp(prefix="golive-test-")

from golive.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
