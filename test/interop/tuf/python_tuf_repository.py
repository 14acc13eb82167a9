"""Makes a repository with python-tuf, a stage at a time, below one folder. Run by tuf.test.ts."""
import hashlib
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

FOLDER = Path(sys.argv[1])
EXPIRES = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=30)


def write(stage, name, metadata, signers):
    for index, signer in enumerate(signers):
        metadata.sign(signer, append=index > 0)
    (FOLDER / stage).mkdir(parents=True, exist_ok=True)
    (FOLDER / stage / name).write_bytes(metadata.to_bytes(JSONSerializer(compact=False)))


def add(stage, targets, path, content):
    targets.targets[path] = TargetFile.from_data(path, content, ["sha256"])
    folder = FOLDER / stage / "targets" / Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{hashlib.sha256(content).hexdigest()}.{Path(path).name}").write_bytes(content)


roots = [CryptoSigner.generate_ecdsa(), CryptoSigner.generate_ed25519(), CryptoSigner.generate_rsa()]
newcomer = CryptoSigner.generate_ecdsa()
online = CryptoSigner.generate_ecdsa()
fresh = CryptoSigner.generate_ed25519()
team, bins, leaf = (CryptoSigner.generate_ecdsa() for _ in range(3))

root = Root(expires=EXPIRES, consistent_snapshot=True)
for signer in roots:
    root.add_key(signer.public_key, "root")
root.roles["root"].threshold = 2
for role in ("timestamp", "snapshot", "targets"):
    root.add_key(online.public_key, role)

# Stage 1: nested delegations, hash prefixes and succinct bins.
targets = Targets(expires=EXPIRES)
add("1", targets, "hello.txt", b"hello")
targets.delegations = Delegations({}, roles={})
for name, signer, paths, prefixes in (
    ("team", team, ["team/*", "team/*/*"], None),
    ("binned", bins, ["binned/*"], None),
    ("hashed", team, None, [hashlib.sha256(b"by-hash").hexdigest()[:3]]),
):
    targets.delegations.roles[name] = DelegatedRole(name, [], 1, False, paths, prefixes)
    targets.add_key(signer.public_key, name)
team_role = Targets(expires=EXPIRES, delegations=Delegations({}, roles={}))
team_role.delegations.roles["leaf"] = DelegatedRole("leaf", [], 1, True, ["team/leaf/*"])
team_role.add_key(leaf.public_key, "leaf")
leaf_role = Targets(expires=EXPIRES)
add("1", leaf_role, "team/leaf/file.txt", b"from the leaf")
hashed_role = Targets(expires=EXPIRES)
add("1", hashed_role, "by-hash", b"by its hash")
succinct = SuccinctRoles([], 1, 4, "bin")
binned_role = Targets(expires=EXPIRES, delegations=Delegations({}, succinct_roles=succinct))
binned_role.add_key(bins.public_key)
bin_roles = {name: Targets(expires=EXPIRES) for name in succinct.get_roles()}
add("1", bin_roles[succinct.get_role_for_target("binned/file.txt")], "binned/file.txt", b"from a bin")

delegated = {"team": (team_role, team), "leaf": (leaf_role, leaf), "hashed": (hashed_role, team), "binned": (binned_role, bins)}
delegated |= {name: (role, bins) for name, role in bin_roles.items()}
snapshot = Snapshot(expires=EXPIRES, meta={"targets.json": MetaFile(1)} | {f"{name}.json": MetaFile(1) for name in delegated})
timestamp = Timestamp(expires=EXPIRES)
write("1", "1.root.json", Metadata(root), roots[:2])
write("1", "1.targets.json", Metadata(targets), [online])
for name, (role, signer) in delegated.items():
    write("1", f"1.{name}.json", Metadata(role), [signer])
write("1", "1.snapshot.json", Metadata(snapshot), [online])
timestamp.version = 100
write("1", "timestamp.json", Metadata(timestamp), [online])

# Stage 2: a root key and the timestamp key are replaced, and the timestamp starts again: fast-forward recovery.
root.version = 2
root.revoke_key(roots[0].public_key.keyid, "root")
root.add_key(newcomer.public_key, "root")
root.revoke_key(online.public_key.keyid, "timestamp")
root.add_key(fresh.public_key, "timestamp")
write("2", "2.root.json", Metadata(root), [*roots, newcomer])
targets.version = 2
add("2", targets, "hello.txt", b"hello again")
write("2", "2.targets.json", Metadata(targets), [online])
snapshot.version = 2
snapshot.meta["targets.json"] = MetaFile(2)
write("2", "2.snapshot.json", Metadata(snapshot), [online])
timestamp.version = 1
timestamp.snapshot_meta = MetaFile(2)
write("2", "timestamp.json", Metadata(timestamp), [fresh])

# Stage 3: the thief of the old timestamp key signs on.
timestamp.version = 1000
write("3", "timestamp.json", Metadata(timestamp), [online])
