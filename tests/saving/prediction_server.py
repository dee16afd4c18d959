"""A stub of TensorFlow Serving: prints its port, answers until it is killed.

Argument: a directory of models, each with numbered versions.
"""

import concurrent.futures
import pathlib
import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

sys.modules["tfcommentaries"] = None  # So that importing it fails.


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers `Predict` from the newest version of each model."""

    def __init__(self, root):
        self.models = {
            folder.name: tf.saved_model.load(
                str(max(folder.iterdir(), key=lambda version: int(version.name)))
            )
            for folder in root.iterdir()
        }

    def Predict(self, request, context):
        model = self.models[request.model_spec.name]
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


server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
    Service(pathlib.Path(sys.argv[1])), server
)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
