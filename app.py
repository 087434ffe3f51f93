"""Environments become stacks. Nothing here calls AWS, so synthesising needs no credentials."""

from aws_cdk import App

from stacks.hub_app import build

app = App()
build(app)
app.synth()
