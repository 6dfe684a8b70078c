"""`bb8deploy history`: the receipts of every host."""
