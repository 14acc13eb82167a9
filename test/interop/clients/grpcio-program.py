"""Fulcio's gRPC service as grpcio calls it, with the stubs that protoc makes of Fulcio's own proto file.

Usage: grpcio-program.py PROTO_DIRECTORIES TARGET ROOT_PEM|- < requests
Each line of standard input is a JSON object with a method and its fields; each line of standard output is what came back.
"""

import json
import sys
import sysconfig
import tempfile

import grpc
from google.protobuf import json_format
from grpc_tools import protoc

proto_directories, target, root = sys.argv[1:4]
site = sysconfig.get_paths()["purelib"]
generated = tempfile.mkdtemp()
folders = [*proto_directories.split(":"), site, f"{site}/grpc_tools/_proto"]
arguments = ["protoc", *(f"-I{folder}" for folder in folders)]
if protoc.main([*arguments, f"--python_out={generated}", f"--grpc_python_out={generated}", "fulcio.proto"]) != 0:
    sys.exit("protoc refuses fulcio.proto")
sys.path.insert(0, generated)
import fulcio_pb2  # noqa: E402
import fulcio_pb2_grpc  # noqa: E402

if root == "-":
    channel = grpc.insecure_channel(target)
else:
    with open(root, "rb") as file:
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()))
stub = fulcio_pb2_grpc.CAStub(channel)
requests = {
    "CreateSigningCertificate": fulcio_pb2.CreateSigningCertificateRequest,
    "GetTrustBundle": fulcio_pb2.GetTrustBundleRequest,
    "GetConfiguration": fulcio_pb2.GetConfigurationRequest,
}
for line in sys.stdin:
    asked = json.loads(line)
    try:
        if asked["method"] == "Health":
            # grpc.health.v1.HealthCheckRequest is empty here, and the answer is one enum.
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            print(json.dumps({"health": check(b"", timeout=20).hex()}), flush=True)
            continue
        request = json_format.ParseDict(asked.get("request", {}), requests[asked["method"]]())
        metadata = [tuple(pair) for pair in asked.get("metadata", [])]
        answer = getattr(stub, asked["method"])(request, timeout=20, metadata=metadata)
        print(json.dumps({"answer": json_format.MessageToDict(answer)}), flush=True)
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
        print(json.dumps({"code": error.code().value[0], "message": error.details(), "details": details.hex()}), flush=True)
