"""A stub of TensorFlow Serving: gRPC and REST, until it is killed.

Prints both ports. REST is the column format of `POST /v1/models/NAME:predict` alone.

Argument: a directory of models, each with numbered versions.
"""

import concurrent.futures
import http.server
import json
import pathlib
import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

sys.modules["tfcommentaries"] = None  # So that importing it fails.


models = {
    folder.name: tf.saved_model.load(
        str(max(folder.iterdir(), key=lambda version: int(version.name)))
    )
    for folder in pathlib.Path(sys.argv[1]).iterdir()
}


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers `Predict` from the newest version of each model."""

    def Predict(self, request, context):
        model = models[request.model_spec.name]
        signature = model.signatures[request.model_spec.signature_name]
        values = {
            key: tf.constant(tf.make_ndarray(value))
            for key, value in request.inputs.items()
        }
        response = predict_pb2.PredictResponse()
        for key, value in signature(**values).items():
            response.outputs[key].CopyFrom(
                tf.make_tensor_proto(value.numpy(), shape=value.shape)
            )
        return response


class Rest(http.server.BaseHTTPRequestHandler):
    """Answers the same in JSON."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.removeprefix("/v1/models/").removesuffix(":predict")
        signature = models[name].signatures[body["signature_name"]]
        specs = signature.structured_input_signature[1]
        values = {
            key: tf.constant(value, specs[key].dtype)
            for key, value in body["inputs"].items()
        }
        outputs = {key: v.numpy().tolist() for key, v in signature(**values).items()}
        if len(outputs) == 1:  # As the real server does.
            (outputs,) = outputs.values()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"outputs": outputs}).encode())

    def log_message(self, *_):
        pass


server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
rest = http.server.HTTPServer(("127.0.0.1", 0), Rest)
print(port, rest.server_port, flush=True)
rest.serve_forever()
