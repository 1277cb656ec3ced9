"""A gRPC client that knows the protos alone.

Usage: grpc_client.py DESCRIPTORS ADDRESS

DESCRIPTORS is a FileDescriptorSet, as `buf build` writes it. Each line of the standard input is a call as JSON,
{"method": "/package.Service/Method", "request": {...}, "deadlineMs": 1000}, with "requests": [{...}, ...] where the method
takes a stream; each line of the standard output is its answer, {"response": {...}, "initial": {...}} or {"code": ..., "details": ..., "trailing": {...}}, binary metadata as hex.
A method that streams both ways has "responses": [{...}, ...], those that came, beside either.
"""

import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory


def message_class(descriptor):
    """The class of a message, by the name that this release of protobuf has for it."""
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(descriptor.file.pool).GetPrototype(descriptor)


def load_messages(path):
    """The methods of a FileDescriptorSet by path: (request class, response class, whether it streams its answers)."""
    files = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as stream:
        files.ParseFromString(stream.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    methods = {}
    for file in files.file:
        for service in file.service:
            for method in service.method:
                classes = [
                    message_class(pool.FindMessageTypeByName(name.lstrip(".")))
                    for name in (method.input_type, method.output_type)
                ]
                methods[f"/{file.package}.{service.name}/{method.name}"] = (*classes, method.server_streaming)
    return methods


def metadata_of(pairs):
    """Metadata as a dictionary; binary values as hex."""
    return {key: value.hex() if isinstance(value, bytes) else value for key, value in pairs or ()}


def failure(error):
    """What an RpcError says."""
    return {"code": error.code().name, "details": error.details(), "trailing": metadata_of(error.trailing_metadata())}


def answer_both_ways(stub, requests, options):
    """The answers of a stream as they come, and how it ended."""
    call = stub(requests, **options)
    responses = []
    try:
        for response in call:
            responses.append(json_format.MessageToDict(response))
    except grpc.RpcError as error:
        return {"responses": responses, **failure(error)}
    return {"responses": responses, "initial": metadata_of(call.initial_metadata())}


def answer(channel, methods, call):
    request_class, response_class, is_streamed = methods[call["method"]]
    codecs = {"request_serializer": request_class.SerializeToString, "response_deserializer": response_class.FromString}
    options = {"timeout": call.get("deadlineMs", 5000) / 1000, "metadata": list(call.get("metadata", {}).items())}
    if "requests" in call:
        requests = iter([json_format.ParseDict(one, request_class()) for one in call["requests"]])
        if is_streamed:
            return answer_both_ways(channel.stream_stream(call["method"], **codecs), requests, options)
        stub, request = channel.stream_unary(call["method"], **codecs), requests
    else:
        stub = channel.unary_unary(call["method"], **codecs)
        request = json_format.ParseDict(call["request"], request_class())
    try:
        response, state = stub.with_call(request, **options)
    except grpc.RpcError as error:
        return failure(error)
    return {
        "response": json_format.MessageToDict(response),
        "initial": metadata_of(state.initial_metadata()),
    }


def main():
    methods = load_messages(sys.argv[1])
    with grpc.insecure_channel(sys.argv[2]) as channel:
        for line in sys.stdin:
            print(json.dumps(answer(channel, methods, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
