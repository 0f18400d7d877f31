from fcspec.api import Report as Report
from fcspec.api import check as check
from fcspec.errors import UsageError as UsageError
from fcspec.parametrizing import parametrize as parametrize

__version__: str
