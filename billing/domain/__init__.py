"""Floor 2: one package per noun. Imports and foreign keys point left in this order only:

accounts catalog customers payment_methods subscriptions invoices payments checkout portal access
"""
