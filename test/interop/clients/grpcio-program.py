"""A gRPC service as grpcio calls it, with the messages that protoc makes of the service's own proto files.

Usage: grpcio-program.py PROTO_DIRECTORIES TARGET ROOT_PEM|- SERVICE PROTO_FILE... < requests
The last proto file has the service; those before it are what it imports and is not installed. Each line of standard input is a JSON object
with a method and its fields; each line of standard output is what came back.
"""

import importlib
import json
import sys
import sysconfig
import tempfile

import grpc
from google.protobuf import json_format, message_factory
from grpc_tools import protoc

proto_directories, target, root, service_name, *proto_files = sys.argv[1:]
site = sysconfig.get_paths()["purelib"]
generated = tempfile.mkdtemp()
folders = [*proto_directories.split(":"), site, f"{site}/grpc_tools/_proto"]
arguments = ["protoc", *(f"-I{folder}" for folder in folders)]
if protoc.main([*arguments, f"--python_out={generated}", *proto_files]) != 0:
    sys.exit(f"protoc refuses {proto_files}")
sys.path.insert(0, generated)
module = importlib.import_module(proto_files[-1].removesuffix(".proto").replace("/", ".") + "_pb2")
service = module.DESCRIPTOR.services_by_name[service_name]

if root == "-":
    channel = grpc.insecure_channel(target)
else:
    with open(root, "rb") as file:
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()))
for line in sys.stdin:
    asked = json.loads(line)
    try:
        if asked["method"] == "Health":
            # grpc.health.v1.HealthCheckRequest is empty here, and the answer is one enum.
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            print(json.dumps({"health": check(b"", timeout=20).hex()}), flush=True)
            continue
        method = service.methods_by_name[asked["method"]]
        request_class = message_factory.GetMessageClass(method.input_type)
        answer_class = message_factory.GetMessageClass(method.output_type)
        request = json_format.ParseDict(asked.get("request", {}), request_class())
        call = channel.unary_unary(
            f"/{service.full_name}/{method.name}",
            request_serializer=request_class.SerializeToString,
            response_deserializer=answer_class.FromString,
        )
        metadata = [tuple(pair) for pair in asked.get("metadata", [])]
        answer = call(request, timeout=20, metadata=metadata)
        print(json.dumps({"answer": json_format.MessageToDict(answer)}), flush=True)
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata() or ())
        details = trailers.pop("grpc-status-details-bin", b"")
        print(
            json.dumps({"code": error.code().value[0], "message": error.details(), "details": details.hex(), "trailers": trailers}),
            flush=True,
        )
