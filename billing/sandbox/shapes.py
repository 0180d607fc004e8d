"""The nullable fields of each kind: Stripe sends every one of them, null where there is nothing."""

from functools import cache
from typing import Any

_NULLABLE = {
    "payment_intent": (
        "allowed_payment_method_types amount_details application application_fee_amount "
        "automatic_payment_methods canceled_at cancellation_reason client_secret customer customer_account "
        "description excluded_payment_method_types hooks last_payment_error latest_charge managed_payments "
        "next_action on_behalf_of payment_details payment_method payment_method_configuration_details "
        "payment_method_options payment_record presentment_details processing receipt_email review "
        "setup_future_usage shipping source statement_descriptor statement_descriptor_suffix transfer_data "
        "transfer_group "
    ),
    "setup_intent": (
        "allowed_payment_method_types application attach_to_self automatic_payment_methods "
        "cancellation_reason client_secret customer customer_account description "
        "excluded_payment_method_types flow_directions last_setup_error latest_attempt managed_payments "
        "mandate metadata next_action on_behalf_of payment_method payment_method_configuration_details "
        "payment_method_options single_use_mandate "
    ),
    "charge": (
        "application application_fee application_fee_amount authorization_code balance_transaction "
        "calculated_statement_descriptor customer description failure_balance_transaction failure_code "
        "failure_message fraud_details on_behalf_of outcome payment_intent payment_method "
        "payment_method_details presentment_details radar_options receipt_email receipt_number receipt_url "
        "review shipping source source_transfer statement_descriptor statement_descriptor_suffix "
        "transfer_data transfer_group "
    ),
    "refund": (
        "balance_transaction charge customer customer_account description destination_details "
        "failure_balance_transaction failure_reason instructions_email metadata next_action payment_intent "
        "payment_method pending_reason presentment_details reason receipt_number source_transfer_reversal "
        "status transfer_reversal "
    ),
    "balance_transaction": ("description exchange_rate source "),
    "subscription": (
        "application application_fee_percent billing_cycle_anchor_config billing_thresholds cancel_at "
        "canceled_at cancellation_details customer_account days_until_due default_payment_method "
        "default_source default_tax_rates description ended_at latest_invoice managed_payments "
        "next_pending_invoice_item_invoice on_behalf_of pause_collection payment_settings "
        "pending_invoice_item_interval pending_setup_intent pending_update presentment_details schedule "
        "status_details test_clock transfer_data trial_end trial_settings trial_start "
    ),
    "subscription_item": ("billing_thresholds quantity tax_rates "),
    "invoice": (
        "account_country account_name account_tax_ids amount_paid_off_stripe application auto_advance "
        "automatically_finalizes_at billing_reason custom_fields customer customer_account customer_address "
        "customer_email customer_name customer_phone customer_shipping customer_tax_exempt customer_tax_ids "
        "default_payment_method default_source description due_date effective_at ending_balance footer "
        "from_invoice hosted_invoice_url invoice_pdf last_finalization_error latest_revision metadata "
        "next_payment_attempt number on_behalf_of parent receipt_number rendering shipping_cost "
        "shipping_details statement_descriptor status status_details subtotal_excluding_tax test_clock "
        "threshold_reason total_discount_amounts total_excluding_tax total_pretax_credit_amounts total_taxes "
        "webhooks_delivered_at "
    ),
    "line_item": (
        "description discount_amounts invoice parent pretax_credit_amounts pricing quantity quantity_decimal "
        "subscription taxes "
    ),
    "invoiceitem": (
        "customer_account description discounts frozen_fields invoice invoicing_rules metadata net_amount "
        "parent pricing proration_details tax_rates test_clock "
    ),
    "invoice_payment": ("amount_paid "),
    "credit_note": (
        "customer_account customer_balance_transaction effective_at memo metadata out_of_band_amount reason "
        "shipping_cost subtotal_excluding_tax total_excluding_tax total_taxes voided_at "
    ),
    "credit_note_line_item": ("description invoice_line_item metadata quantity taxes unit_amount unit_amount_decimal "),
    "subscription_schedule": (
        "application canceled_at completed_at current_phase customer_account metadata released_at "
        "released_subscription subscription test_clock "
    ),
    "checkout.session": (
        "adaptive_pricing after_expiration allow_promotion_codes allowed_payment_method_types amount_subtotal "
        "amount_total billing_address_collection branding_settings cancel_url client_reference_id "
        "client_secret collected_information consent consent_collection currency currency_conversion customer "
        "customer_account customer_creation customer_details customer_email discounts "
        "excluded_payment_method_types integration_identifier invoice invoice_creation locale "
        "managed_payments metadata name_collection optional_items origin_context payment_intent payment_link "
        "payment_method_collection payment_method_configuration_details payment_method_options permissions "
        "phone_number_collection presentment_details recovered_from redirect_on_completion return_url "
        "saved_payment_method_options setup_intent shipping_address_collection shipping_cost status "
        "submit_type subscription success_url tax_id_collection total_details ui_mode url wallet_options "
    ),
    "plan": ("amount amount_decimal metadata meter nickname product tiers_mode transform_usage trial_period_days "),
    "account": (
        "business_profile business_type capabilities charges_enabled company controller country created "
        "default_currency details_submitted email external_accounts future_requirements groups individual "
        "metadata payouts_enabled requirements settings tos_acceptance type "
    ),
    "coupon": ("amount_off currency duration_in_months max_redemptions metadata name percent_off redeem_by "),
    "promotion_code": ("customer customer_account expires_at max_redemptions metadata "),
    "discount": (
        "checkout_session customer customer_account end invoice invoice_item promotion_code subscription "
        "subscription_item "
    ),
    "customer_balance_transaction": ("checkout_session credit_note customer_account description invoice metadata "),
    "tax_rate": (
        "country description effective_percentage flat_amount jurisdiction jurisdiction_level metadata "
        "rate_type state tax_type "
    ),
}


def blank(kind: str, **fields: Any) -> dict[str, Any]:
    """An object of `kind` with every nullable field null, but for `fields`."""
    made: dict[str, Any] = dict.fromkeys(_names(kind, tuple(fields)))
    made.update(fields, object=kind)
    return made


@cache
def _names(kind: str, given: tuple[str, ...]) -> list[str]:
    return sorted({"object", *_NULLABLE[kind].split(), *given})
