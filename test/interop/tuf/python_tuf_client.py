"""A program written against python-tuf: refreshes, then fetches one target into a file. Run by tuf.test.ts."""
import sys

from tuf.ngclient import Updater

metadata_dir, target_dir, url, target, output = sys.argv[1:]
updater = Updater(
    metadata_dir=metadata_dir,
    metadata_base_url=f"{url}/",
    target_dir=target_dir,
    target_base_url=f"{url}/targets/",
    bootstrap=None,
)
updater.refresh()
info = updater.get_targetinfo(target)
if info is None:
    raise SystemExit(f"no target {target}")
updater.download_target(info, output)
