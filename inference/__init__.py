"""Language models, behind the core's ``Model`` port."""
