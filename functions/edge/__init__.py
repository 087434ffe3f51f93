"""What every Lambda's rim needs: settings, clients, HTTP, the event store, the bus and the field cipher."""
