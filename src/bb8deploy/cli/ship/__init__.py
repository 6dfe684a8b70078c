"""Commands that deploy, release or roll back."""
