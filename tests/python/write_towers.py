"""Two towers that another team could have trained, written by python3-onnx alone, with the signature that MIC reads.

Usage: write_towers.py KIND IDS OUT [FAULT]

IDS is a JSON file {"users": [...], "items": [...], "genres": [...]}. OUT gets u.onnx, i.onnx, signature.json and the files
that it names. KIND is `gru` (a GRU over the history, of any length, and an id row of the user; unit vectors) or `mean` (the
mean of the history alone, an item tower over a genre; vectors of any length). A FAULT breaks one thing of it.
"""

import json
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

KIND, IDS, OUT = sys.argv[1:4]
FAULT = sys.argv[4] if len(sys.argv) > 4 else ""
DIMENSION, HIDDEN, LONGEST = 16, 12, 20
random = np.random.default_rng(7)


def constant(name, values):
    return numpy_helper.from_array(np.ascontiguousarray(values), name)


def weights(name, *shape, scale=1.0):
    return constant(name, (random.normal(size=shape) * scale / np.sqrt(shape[-1])).astype(np.float32))


def tensor(name, dtype, *shape):
    kinds = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "int32": TensorProto.INT32}
    return helper.make_tensor_value_info(name, kinds[dtype], shape)


def save(path, nodes, inputs, outputs, initializers, opset, ir_version):
    graph = helper.make_graph(nodes, "tower", inputs, outputs, initializers)
    model = helper.make_model(graph, producer_name="another team", opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = ir_version
    onnx.checker.check_model(model)
    if FAULT == "newer operators":
        model.opset_import[0].version = 99
    if FAULT == "weights in another file":
        onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    else:
        onnx.save(model, path)


def axis(length):
    """The batch, or a length of its own where the fault is a batch of one."""
    return 1 if FAULT == "batch of one" else length


def gru_user_tower(items):
    """user_row [B, 8], history [B, time] -> unit vectors [B, D]."""
    history = "item_history" if FAULT == "input of another name" else "history"
    history_type = "int32" if FAULT == "input of another type" else "int64"
    rows = items if FAULT == "table of another catalogue" else items + 1
    table = (random.normal(size=(rows, HIDDEN)) * 0.8).astype(np.float32)
    table[0] = 0
    node = helper.make_node
    nodes = [
        node("Transpose", [history], ["by_age"], perm=[1, 0]),
        # Oldest first: padding comes before the first event, and leaves the state at zero.
        node("Slice", ["by_age", "from", "to", "first_axis", "step"], ["by_time"]),
        node("Gather", ["embedding.weight", "by_time"], ["events"], axis=0),
        node("GRU", ["events", "gru.w", "gru.r"], ["", "state"], hidden_size=HIDDEN),
        node("Squeeze", ["state", "first_axis"], ["last"]),
        node("Gemm", ["last", "head.weight", "head.bias"], ["interest"], transB=1),
        node("MatMul", ["user_row", "id.weight"], ["identity"]),
        node("Add", ["interest", "identity"], ["sum"]),
        node("LpNormalization", ["sum"], ["unit"], axis=1, p=2),
    ]
    if FAULT == "vectors that depend on the batch":
        nodes[-1].output[0] = "alone"
        nodes.append(node("ReduceMean", ["sum"], ["shift"], axes=[0], keepdims=1))
        nodes.append(node("Add", ["sum", "shift"], ["shifted"]))
        nodes[-3] = node("Identity", ["sum"], ["alone"])
        nodes.append(node("LpNormalization", ["shifted"], ["unit"], axis=1, p=2))
    if FAULT == "vectors that are random":
        nodes[-1] = node("RandomNormalLike", ["sum"], ["noise"], scale=1.0)
        nodes.append(node("Add", ["sum", "noise"], ["noisy"]))
        nodes.append(node("LpNormalization", ["noisy"], ["unit"], axis=1, p=2))
    if FAULT == "padding that counts":
        table[0] = 1
    output = "vectors" if FAULT == "output of another name" else "user_vectors"
    nodes.append(node("Identity", ["unit"], [output]))
    initializers = [
        constant("embedding.weight", table),
        constant("from", np.array([-1], np.int64)),
        constant("to", np.array([np.iinfo(np.int64).min], np.int64)),
        constant("first_axis", np.array([0], np.int64)),
        constant("step", np.array([-1], np.int64)),
        weights("gru.w", 1, 3 * HIDDEN, HIDDEN, scale=2),
        weights("gru.r", 1, 3 * HIDDEN, HIDDEN),
        weights("head.weight", DIMENSION, HIDDEN, scale=2),
        weights("head.bias", DIMENSION, scale=0.1),
        weights("id.weight", 8, DIMENSION),
    ]
    inputs = [tensor("user_row", "float32", axis("n"), 8), tensor(history, history_type, axis("n"), "time")]
    if FAULT == "one input more":
        inputs.append(tensor("age", "float32", "n", 1))
    if history_type == "int32":
        nodes.insert(0, node("Cast", [history], ["wide"], to=TensorProto.INT64))
        nodes[1].input[0] = "wide"
    save(f"{OUT}/u.onnx", nodes, inputs, [tensor(output, "float32", axis("n"), DIMENSION)], initializers, 14, 7)


def gru_item_tower():
    """item_row [B, 10] -> unit vectors [B, D]."""
    dimension = DIMENSION + 1 if FAULT == "items of another dimension" else DIMENSION
    nodes = [
        helper.make_node("MatMul", ["item_row", "projection"], ["free"]),
        helper.make_node("LpNormalization", ["free"], ["item_vectors"], axis=1, p=2),
    ]
    if FAULT == "items of any length":
        nodes = [helper.make_node("MatMul", ["item_row", "projection"], ["item_vectors"])]
    inputs = [tensor("item_row", "float32", "n", 10)]
    outputs = [tensor("item_vectors", "float32", "n", dimension)]
    save(f"{OUT}/i.onnx", nodes, inputs, outputs, [weights("projection", 10, dimension)], 13, 7)


def mean_user_tower(items):
    """history [B, 20] -> vectors of any length [B, 1, D]; NaN for no history where the fault is to divide by its length."""
    node = helper.make_node
    table = (random.normal(size=(items + 1, DIMENSION))).astype(np.float32)
    table[0] = 0
    least = 0.0 if FAULT == "NaN without history" else 1.0
    nodes = [
        node("Gather", ["item_embedding", "history"], ["events"], axis=0),
        node("ReduceSum", ["events", "time_axis"], ["sum"], keepdims=0),
        node("Cast", ["history"], ["codes"], to=TensorProto.FLOAT),
        node("Clip", ["codes", "zero", "one"], ["present"]),
        node("ReduceSum", ["present", "time_axis"], ["events_of_user"], keepdims=1),
        node("Max", ["events_of_user", "least"], ["divisor"]),
        node("Div", ["sum", "divisor"], ["mean"]),
        node("Add", ["mean", "prior"], ["moved"]),
        node("Unsqueeze", ["moved", "time_axis"], ["user_vectors"]),
    ]
    prior = 0.0 if FAULT == "no direction without history" else 0.2
    initializers = [
        constant("item_embedding", table),
        constant("time_axis", np.array([1], np.int64)),
        constant("zero", np.array(0, np.float32)),
        constant("one", np.array(1, np.float32)),
        constant("least", np.array([[least]], np.float32)),
        constant("prior", np.full((1, DIMENSION), prior, np.float32)),
    ]
    inputs = [tensor("history", "int64", "batch_size", LONGEST)]
    outputs = [tensor("user_vectors", "float32", "batch_size", 1, DIMENSION)]
    save(f"{OUT}/u.onnx", nodes, inputs, outputs, initializers, 17, 8)


def mean_item_tower(genres):
    """item_row [B, D], fields [B, 1] -> vectors of any length [B, D]."""
    rows = genres if FAULT == "genres of another vocabulary" else genres + 1
    node = helper.make_node
    nodes = [
        node("Squeeze", ["fields", "last_axis"], ["genre"]),
        node("Gather", ["genre_embedding", "genre"], ["content"], axis=0),
        node("Add", ["item_row", "content"], ["item_vectors"]),
    ]
    initializers = [weights("genre_embedding", rows, DIMENSION), constant("last_axis", np.array([1], np.int64))]
    inputs = [tensor("item_row", "float32", "b", DIMENSION), tensor("fields", "int64", "b", 1)]
    save(f"{OUT}/i.onnx", nodes, inputs, [tensor("item_vectors", "float32", "b", DIMENSION)], initializers, 16, 8)


def main():
    os.makedirs(OUT, exist_ok=True)
    with open(IDS, encoding="utf-8") as stream:
        ids = json.load(stream)
    users, items, genres = ids["users"], ids["items"], ids["genres"]
    signature = {"formatVersion": 2, "encoder": f"{KIND} of another team", "files": {"itemIds": "items.json"}}
    with open(f"{OUT}/items.json", "w", encoding="utf-8") as stream:
        json.dump(items, stream)
    if KIND == "gru":
        gru_user_tower(len(items))
        gru_item_tower()
        with open(f"{OUT}/users.txt", "w", encoding="utf-8") as stream:
            stream.write("\n".join(users))
        np.save(f"{OUT}/users.npy", random.normal(size=(len(users), 8)).astype(np.float32))
        random.normal(size=(len(items), 10)).astype("<f4").tofile(f"{OUT}/items.f32")
        signature["files"].update(userIds="users.txt", userRows="users.npy", itemRows="items.f32")
        signature["longestHistory"] = LONGEST
        user_inputs = {
            "user_row": {"dtype": "float32", "shape": ["n", 8]},
            "history": {"dtype": "int64", "shape": ["n", "time"]},
        }
        user_shape, item_inputs = ["n", DIMENSION], {"item_row": {"dtype": "float32", "shape": ["n", 10]}}
    else:
        mean_user_tower(len(items))
        mean_item_tower(len(genres))
        np.save(f"{OUT}/items.npy", random.normal(size=(len(items), DIMENSION)).astype(np.float32))
        signature["files"]["itemRows"] = "items.npy"
        signature["normalise"] = True
        genre = {"name": "category", "type": "categorical", "vocabulary": genres}
        signature["features"] = {"userFields": [], "itemFields": [genre], "categoryField": "category"}
        user_inputs = {"history": {"dtype": "int64", "shape": ["batch", LONGEST]}}
        user_shape = ["batch", 1, DIMENSION]
        item_inputs = {
            "item_row": {"dtype": "float32", "shape": ["batch", DIMENSION]},
            "fields": {"dtype": "int64", "shape": ["batch", 1]},
        }
    signature["userTower"] = {
        "inputs": user_inputs,
        "outputs": {"user_vectors": {"dtype": "float32", "shape": user_shape}},
    }
    signature["itemTower"] = {
        "inputs": item_inputs,
        "outputs": {"item_vectors": {"dtype": "float32", "shape": ["batch", DIMENSION]}},
    }
    with open(f"{OUT}/signature.json", "w", encoding="utf-8") as stream:
        json.dump(signature, stream, indent=2)


main()
