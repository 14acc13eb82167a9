"""Follows a repository through the weeks of a year, one folder a week, with the clock of python-tuf set to each. Run by tuf.test.ts."""
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

weeks, home, start = Path(sys.argv[1]), Path(sys.argv[2]), datetime.fromtimestamp(int(sys.argv[3]) / 1000, timezone.utc)


class FolderFetcher(FetcherInterface):
    def __init__(self, folder):
        self.folder = folder

    def _fetch(self, url):
        path = self.folder / url.removeprefix("https://week.invalid/")
        if not path.is_file():
            raise DownloadHTTPError(f"no {path}", 404)
        yield path.read_bytes()


for week in sorted(weeks.iterdir(), key=lambda folder: int(folder.name)):
    updater = Updater(
        metadata_dir=str(home / "metadata"),
        metadata_base_url="https://week.invalid/",
        target_dir=str(home / "targets"),
        target_base_url="https://week.invalid/targets/",
        fetcher=FolderFetcher(week),
        bootstrap=None,
    )
    updater._trusted_set.reference_time = start + timedelta(weeks=int(week.name))
    updater.refresh()
    info = updater.get_targetinfo("trusted_root.json")
    print(week.name, Path(updater.download_target(info)).read_text())
