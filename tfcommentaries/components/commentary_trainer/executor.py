"""Executor of CommentaryTrainer."""

from tfx.components.trainer import executor as trainer_executor

from tfcommentaries.components.artifact import get_commentary_dir

COMMENTARY_KEY = "commentary"


class Executor(trainer_executor.GenericExecutor):
    """Trainer's executor, which also gives `run_fn` the path of the commentary."""

    def _GetFnArgs(self, input_dict, output_dict, exec_properties):
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        directory = get_commentary_dir(input_dict.get(COMMENTARY_KEY))
        fn_args.custom_config = {
            **(fn_args.custom_config or {}),
            COMMENTARY_KEY: directory,
        }
        return fn_args
