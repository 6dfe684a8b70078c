"""Commands that change or read what a host holds of an app, beside deploys."""
