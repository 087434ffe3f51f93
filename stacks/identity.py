"""Who may call: a user pool with groups for people, and client credentials with scopes for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cognito as cognito

from stacks.concern import Concern, tell
from stacks.constructs.acknowledge import acknowledge

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.stage import Stage

GROUPS = ("operations", "approvers", "finance", "logistics", "auditors", "admins")
SCOPES: dict[str, tuple[str, ...]] = {
    "orders": ("write", "read"),
    "inventory": ("write",),
    "fulfilment": ("write",),
    "payments": ("write",),
    "bids": ("write",),
    "signals": ("write",),
    "webhooks": ("manage",),
}
"""Scopes by resource server: `orders/write` and so on."""

MACHINES: dict[str, tuple[str, ...]] = {
    "PaymentProvider": ("payments/write",),
    "Warehouse": ("fulfilment/write",),
    "Carrier": ("fulfilment/write",),
    "Bidders": ("bids/write",),
    "Channel": ("orders/write", "orders/read", "inventory/write"),
    "Cli": tuple(f"{server}/{scope}" for server, scopes in SCOPES.items() for scope in scopes),
}
"""Clients with credentials of their own, each with the smallest set of scopes that does its work."""


NOT_THIS_POOLS = {
    "AwsSolutions-COG2": "Multi-factor sign-in is the identity provider's that an organisation federates with this pool.",
    "AwsSolutions-COG3": "Threat protection needs the Plus plan; it is a choice of whoever runs the pool.",
    "AwsSolutions-COG8": "The Plus plan is a choice of whoever runs the pool.",
}
"""Findings that are acknowledged, with their reasons."""


class IdentityStack(Concern):
    """People and machines."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "Identity", stage)
        self.pool = cognito.UserPool(
            self,
            "People",
            user_pool_name=f"orderhub-{stage.name}",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True),
            password_policy=cognito.PasswordPolicy(
                min_length=14, require_digits=True, require_lowercase=True, require_uppercase=True, require_symbols=True
            ),
            deletion_protection=stage.deletion_protection,
            removal_policy=stage.removal,
        )
        for rule, reason in NOT_THIS_POOLS.items():
            acknowledge(self.pool, rule, reason)
        for group in GROUPS:
            cognito.CfnUserPoolGroup(self, f"Group{group.title()}", user_pool_id=self.pool.user_pool_id, group_name=group)
        self.pool.add_domain("Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=self._prefix(stage)))
        scopes = self._scopes()
        people = self.pool.add_client(
            "PeopleClient",
            user_pool_client_name="people",
            auth_flows=cognito.AuthFlow(user_password=True, admin_user_password=True, user_srp=True),
            generate_secret=False,
            prevent_user_existence_errors=True,
            access_token_validity=Duration.hours(1),
            disable_o_auth=True,
        )
        self.clients = {"People": people}
        for name, wanted in MACHINES.items():
            client = self.pool.add_client(
                f"{name}Client",
                user_pool_client_name=name,
                generate_secret=True,
                auth_flows=cognito.AuthFlow(),
                o_auth=cognito.OAuthSettings(
                    flows=cognito.OAuthFlows(client_credentials=True), scopes=[scopes[scope] for scope in wanted]
                ),
                access_token_validity=Duration.hours(1),
            )
            self.clients[name] = client
        tell(self, "UserPoolId", self.pool.user_pool_id)
        if not stage.is_local:
            tell(self, "TokenUrl", f"https://{self._prefix(stage)}.auth.{self.region}.amazoncognito.com/oauth2/token")
        for name, client in self.clients.items():
            tell(self, f"{name}ClientId", client.user_pool_client_id)

    def _prefix(self, stage: Stage) -> str:
        # A domain prefix is unique in its Region over all accounts.
        return f"orderhub-{stage.name}-{self.account}"

    def _scopes(self) -> dict[str, cognito.OAuthScope]:
        found: dict[str, cognito.OAuthScope] = {}
        for server, names in SCOPES.items():
            scopes = [cognito.ResourceServerScope(scope_name=name, scope_description=f"{name} {server}") for name in names]
            made = self.pool.add_resource_server(f"{server.title()}Server", identifier=server, scopes=scopes)
            for name, scope in zip(names, scopes, strict=True):
                found[f"{server}/{name}"] = cognito.OAuthScope.resource_server(made, scope)
        return found

    @property
    def issuer(self) -> str:
        """Who signs the tokens."""
        return f"https://cognito-idp.{self.region}.amazonaws.com/{self.pool.user_pool_id}"
