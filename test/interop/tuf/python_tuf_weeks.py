"""Follows a repository through the weeks of a year, one folder a week, with this process's clock set to each by libfaketime. Run by year.test.ts."""
import hashlib
import os
import sys
from datetime import datetime, timezone
from pathlib import Path

weeks, home = Path(sys.argv[1]), Path(sys.argv[2])
start, step, clock = int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])


def set_clock(ms):
    new = clock.with_suffix(".new")
    new.write_text(datetime.fromtimestamp(ms / 1000).strftime("%Y-%m-%d %H:%M:%S"))
    os.replace(new, clock)


set_clock(start)
from tuf.api.exceptions import DownloadHTTPError  # noqa: E402
from tuf.ngclient import FetcherInterface, Updater  # noqa: E402


class FolderFetcher(FetcherInterface):
    def __init__(self, folder):
        self.folder = folder

    def _fetch(self, url):
        path = self.folder / url.removeprefix("https://week.invalid/")
        if not path.is_file():
            raise DownloadHTTPError(f"no {path}", 404)
        yield path.read_bytes()


for week in sorted(weeks.iterdir(), key=lambda folder: int(folder.name)):
    now = start + int(week.name) * step
    set_clock(now)
    seen = datetime.now(timezone.utc).timestamp() * 1000
    if abs(seen - now) > 60_000:
        raise SystemExit(f"the clock is {seen}, not {now}: libfaketime does not work")
    updater = Updater(
        metadata_dir=str(home / "metadata"),
        metadata_base_url="https://week.invalid/",
        target_dir=str(home / "targets"),
        target_base_url="https://week.invalid/targets/",
        fetcher=FolderFetcher(week),
        bootstrap=None,
    )
    updater.refresh()
    path = updater.download_target(updater.get_targetinfo("trusted_root.json"))
    print(week.name, hashlib.sha256(Path(path).read_bytes()).hexdigest())
