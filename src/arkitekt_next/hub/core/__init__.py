"""What every feature of the hub stands on: settings, context, HTTP shapes, telemetry."""
