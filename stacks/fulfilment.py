"""What drives orders: the task functions and the sagas that call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Stack

from stacks.constructs.saga import Saga
from stacks.constructs.service_function import Bundle, ServiceFunction
from stacks.functions import task_functions

if TYPE_CHECKING:
    from aws_cdk import StackProps
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.stage import Stage


class FulfilmentStack(Stack):
    """The sagas."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, data: DataStack, **props: StackProps) -> None:
        super().__init__(scope, id_, **props)  # type: ignore[arg-type]  # the keyword form of StackProps
        bundle = Bundle(self, stage)
        self.functions = {
            name: ServiceFunction(
                self,
                name,
                stage=stage,
                handler=spec.handler,
                bundle=bundle,
                pays=spec.pays,
                environment=spec.environment,
                grants=spec.grants,
                timeout_s=spec.timeout_s,
            )
            for name, spec in task_functions(stage, data).items()
        }
        orders, inventory, payments, fulfilment, remediation = (
            self.functions[f"{name}-tasks"].function for name in ("orders", "inventory", "payments", "fulfilment", "remediation")
        )
        sell = {"OrdersTasks": orders, "InventoryTasks": inventory, "PaymentsTasks": payments, "FulfilmentTasks": fulfilment}
        self.sagas = [
            Saga(self, name, stage=stage, type_=stage.saga_type, functions=sell) for name in ("fulfilment", "settlement", "cancellation")
        ]
        mend = {"OrdersTasks": orders, "InventoryTasks": inventory, "FulfilmentTasks": fulfilment, "RemediationTasks": remediation}
        # It waits for people, for hours: only a Standard machine can.
        self.remediation = Saga(self, "remediation", stage=stage, type_="standard", functions=mend)
        for saga in (*self.sagas, self.remediation):
            CfnOutput(self, f"{saga.name.title()}StateMachine", value=saga.machine.state_machine_arn)
