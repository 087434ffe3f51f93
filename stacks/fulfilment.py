"""What drives orders: the task functions and the sagas that call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.concern import Concern, tell
from stacks.constructs.saga import Saga
from stacks.constructs.service_function import service_functions
from stacks.functions import task_functions
from stacks.functions.spec import Sagas

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.stage import Stage

SELLING = ("fulfilment", "settlement", "cancellation", "returns")
CALLED = ("orders", "inventory", "payments", "fulfilment", "remediation", "returns", "auctions")
"""Contexts whose tasks sagas call, in their files as `${OrdersTasks}` and so on."""


class FulfilmentStack(Concern):
    """The sagas."""

    def __init__(self, scope: Construct, stage: Stage, data: DataStack) -> None:
        super().__init__(scope, "Fulfilment", stage)
        self.functions = service_functions(self, stage, task_functions(stage, data))
        tasks = {f"{name.title()}Tasks": self.functions[f"{name}-tasks"].function for name in CALLED}
        self.sagas = Sagas(
            selling=[Saga(self, name, stage=stage, type_=stage.saga_type, functions=tasks) for name in SELLING],
            # It waits for people, for hours: only a Standard machine can.
            remediation=Saga(self, "remediation", stage=stage, type_="standard", functions=tasks),
        )
        for saga in (*self.sagas.selling, self.sagas.remediation):
            tell(self, f"{saga.name.title()}StateMachine", saga.machine.state_machine_arn)
