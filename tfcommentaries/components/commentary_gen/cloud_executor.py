"""Executor of CommentaryGen that learns on Vertex AI."""

from tfx.extensions.google_cloud_ai_platform.trainer import executor as cloud

from tfcommentaries.components.commentary_gen.executor import Executor


class CloudExecutor(cloud.GenericExecutor):
    """Runs CommentaryGen in a job of Vertex AI, and waits for its end.

    `custom_config` describes the job beside the recipe, as for TFX's own cloud Trainer:
    `ai_platform_enable_vertex`, `ai_platform_vertex_region` and
    `ai_platform_training_args`, with the project, the machines and an image that has
    this package.

    Example:

    >>> commentary_gen.executor_spec = executor_spec.ExecutorClassSpec(CloudExecutor)
    """

    def _GetExecutorClass(self):
        return Executor
