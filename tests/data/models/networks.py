"""Small neural networks as PyTorch's exporter writes them: initial states of Shape, Gather and ConstantOfShape, the last
step by Gather, the batch a dynamic axis. Weights are random; onnxruntime says what they give."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import golden

STEPS, CHANNELS, HIDDEN, FEATURES = 12, 3, 8, 6
# As in the manifests that the tests write.
CENTRE, SCALE = 0.5, 2.0


class Graph:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def weight(self, name, *shape):
        self.constant(name, (self.random.normal(size=shape) * 0.4).astype(np.float32))
        return name

    def constant(self, name, value):
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output] if isinstance(output, str) else output, **attributes))
        return output if isinstance(output, str) else output[0]

    def zeros_for(self, batch_of, axis):
        """[1, n, HIDDEN] of zeros, as nn.GRU makes its initial state."""
        shape = self.add("Shape", [batch_of], f"{batch_of}_shape")
        n = self.add("Gather", [shape, self.constant("axis", np.int64(axis))], "n", axis=0)
        n = self.add("Unsqueeze", [n, self.constant("zero", np.array([0], np.int64))], "n1")
        one, hidden = self.constant("one", np.array([1], np.int64)), self.constant("hidden", np.array([HIDDEN], np.int64))
        shape = self.add("Concat", [one, n, hidden], "h_shape", axis=0)
        value = numpy_helper.from_array(np.zeros(1, np.float32))
        return self.add("ConstantOfShape", [shape], "h0", value=value)

    def head(self, x, width):
        w, b = self.weight("head_w", 1, width), self.weight("head_b", 1)
        return self.add("Gemm", [x, w, b], "score", transB=1)

    def save(self, name, shapes):
        inputs = [helper.make_tensor_value_info(k, TensorProto.FLOAT, ["batch", *v]) for k, v in shapes.items()]
        outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", 1])]
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="pytorch")
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, golden.HERE / f"{name}.onnx")


def dense(name):
    g = Graph(1)
    x = g.add("Gemm", ["x", g.weight("w1", 16, 2 * FEATURES), g.weight("b1", 16)], "h1", transB=1)
    x = g.add("Relu", [x], "a1")
    x = g.add("Gemm", [x, g.weight("w2", 8, 16), g.weight("b2", 8)], "h2", transB=1)
    g.head(g.add("Tanh", [x], "a2"), 8)
    g.save(name, {"x": [2 * FEATURES]})
    return "features"


def recurrent(op, gates):
    def make(name):
        g = Graph(2)
        x = g.add("Transpose", ["x"], "seq", perm=[1, 0, 2])
        h0 = g.zeros_for("seq", 1)
        w, r = g.weight("W", 1, gates * HIDDEN, 2 * CHANNELS), g.weight("R", 1, gates * HIDDEN, HIDDEN)
        b = g.weight("B", 1, 2 * gates * HIDDEN)
        states = [h0, h0] if op == "LSTM" else [h0]
        outputs = ["y", "yh"] + (["yc"] if op == "LSTM" else [])
        more = {"linear_before_reset": 1} if op == "GRU" else {}
        g.add(op, [x, w, r, b, "", *states], outputs, hidden_size=HIDDEN, **more)
        y = g.add("Squeeze", ["y", g.constant("direction", np.array([1], np.int64))], "ys")
        last = g.add("Gather", [y, g.constant("last", np.int64(-1))], "last_step", axis=0)
        g.head(last, HIDDEN)
        g.save(name, {"x": [STEPS, 2 * CHANNELS]})
        return "sequence"

    return make


def convolution(name):
    g = Graph(3)
    x = g.add("Conv", ["x", g.weight("w1", 8, 2 * CHANNELS, 3), g.weight("b1", 8)], "c1", kernel_shape=[3], pads=[1, 1])
    x = g.add("Relu", [x], "a1")
    x = g.add("MaxPool", [x], "p1", kernel_shape=[2], strides=[2])
    x = g.add("Conv", [x, g.weight("w2", 8, 8, 3), g.weight("b2", 8)], "c2", kernel_shape=[3], pads=[1, 1])
    x = g.add("GlobalAveragePool", [g.add("Relu", [x], "a2")], "pool")
    g.head(g.add("Flatten", [x], "flat", axis=1), 8)
    g.save(name, {"x": [2 * CHANNELS, STEPS]})
    return "channels"


def attention(name):
    """One head over the steps; steps in which nothing is known are masked, by a second tensor."""
    g = Graph(4)
    q, k, v = (
        g.add("MatMul", ["x", g.weight(f"w{n}", CHANNELS, HIDDEN)], n) for n in ("q", "k", "v")
    )
    scores = g.add("MatMul", [q, g.add("Transpose", [k], "kt", perm=[0, 2, 1])], "qk")
    scores = g.add("Mul", [scores, g.constant("root", np.float32(HIDDEN**-0.5))], "scaled")
    known = g.add("ReduceMax", ["mask"], "any", axes=[2], keepdims=0)
    known = g.add("Unsqueeze", [known, g.constant("middle", np.array([1], np.int64))], "known")
    hidden = g.add("Mul", [g.add("Sub", [known, g.constant("unit", np.float32(1))], "less"), g.constant("far", np.float32(1e4))], "bias")
    weights = g.add("Softmax", [g.add("Add", [scores, hidden], "biased")], "weights", axis=-1)
    x = g.add("ReduceMean", [g.add("MatMul", [weights, v], "mixed")], "mean", axes=[1], keepdims=0)
    g.head(x, HIDDEN)
    g.save(name, {"x": [STEPS, CHANNELS], "mask": [STEPS, CHANNELS]})
    return "two tensors"


def make(kind, build):
    def run(name):
        form = build(name)
        random = np.random.default_rng(7)
        count = FEATURES if form == "features" else STEPS * CHANNELS
        rows = np.round(random.normal(size=(70, count)) * 2, 1)
        rows[random.random(rows.shape) < 0.4] = np.nan
        rows[0], rows[1] = np.nan, 0.0
        mask = (~np.isnan(rows)).astype(np.float32)
        x = np.nan_to_num((rows - CENTRE) / SCALE, nan=0.0).astype(np.float32)
        if form != "features":
            x, mask = x.reshape(-1, STEPS, CHANNELS), mask.reshape(-1, STEPS, CHANNELS)
        feeds = {"x": x, "mask": mask} if form == "two tensors" else {"x": np.concatenate([x, mask], axis=-1)}
        if form == "channels":
            feeds["x"] = np.ascontiguousarray(feeds["x"].transpose(0, 2, 1))
        session = onnxruntime.InferenceSession(golden.HERE / f"{name}.onnx")
        golden.write(name, rows, session.run(None, feeds)[0])

    return run


def long(build):
    """The same over 48 steps of 8 inputs with 32 hidden units: what benches/models takes the time of."""

    def run(name):
        global STEPS, CHANNELS, HIDDEN
        before, (STEPS, CHANNELS, HIDDEN) = (STEPS, CHANNELS, HIDDEN), (48, 4, 32)
        make(name, build)(name)
        STEPS, CHANNELS, HIDDEN = before

    return run


ALL = {
    f"network-{kind}": make(kind, build)
    for kind, build in {
        "dense": dense,
        "gru": recurrent("GRU", 3),
        "lstm": recurrent("LSTM", 4),
        "convolution": convolution,
        "attention": attention,
    }.items()
}

ALL["network-gru-long"] = long(recurrent("GRU", 3))
