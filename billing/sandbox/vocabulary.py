"""The words of Stripe's closed lists, as its SDK declares them: any other is a typing error, and refused."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EVENT_TYPES = _words("""
    * account.application.authorized account.application.deauthorized account.external_account.created
    account.external_account.deleted account.external_account.updated account.updated application_fee.created
    application_fee.refund.updated application_fee.refunded apps.install.created apps.install.deleted
    apps.install.updated balance.available balance_settings.updated billing.alert.triggered
    billing.credit_balance_transaction.created billing.credit_grant.created billing.credit_grant.updated
    billing.meter.created billing.meter.deactivated billing.meter.reactivated billing.meter.updated
    billing_portal.configuration.created billing_portal.configuration.updated billing_portal.session.created
    capability.updated cash_balance.funds_available charge.captured charge.dispute.closed charge.dispute.created
    charge.dispute.funds_reinstated charge.dispute.funds_withdrawn charge.dispute.updated charge.expired
    charge.failed charge.pending charge.refund.updated charge.refunded charge.succeeded charge.updated
    checkout.session.async_payment_failed checkout.session.async_payment_succeeded checkout.session.completed
    checkout.session.expired climate.order.canceled climate.order.created climate.order.delayed
    climate.order.delivered climate.order.product_substituted climate.product.created
    climate.product.pricing_updated coupon.created coupon.deleted coupon.updated credit_note.created
    credit_note.updated credit_note.voided customer.created customer.deleted customer.discount.created
    customer.discount.deleted customer.discount.updated customer.source.created customer.source.deleted
    customer.source.expiring customer.source.updated customer.subscription.created customer.subscription.deleted
    customer.subscription.paused customer.subscription.pending_update_applied
    customer.subscription.pending_update_expired customer.subscription.resumed
    customer.subscription.trial_will_end customer.subscription.updated customer.tax_id.created
    customer.tax_id.deleted customer.tax_id.updated customer.updated customer_cash_balance_transaction.created
    entitlements.active_entitlement_summary.updated file.created
    financial_connections.account.account_numbers_updated financial_connections.account.created
    financial_connections.account.deactivated financial_connections.account.disconnected
    financial_connections.account.expected_deactivation_date_updated financial_connections.account.reactivated
    financial_connections.account.refreshed_balance financial_connections.account.refreshed_ownership
    financial_connections.account.refreshed_transactions
    financial_connections.account.supported_payment_method_types_updated
    financial_connections.account.upcoming_account_number_expiry
    financial_connections.account.upcoming_deactivation
    financial_connections.authorization.expected_deactivation_date_updated
    financial_connections.authorization.upcoming_deactivation identity.verification_session.canceled
    identity.verification_session.created identity.verification_session.processing
    identity.verification_session.redacted identity.verification_session.requires_input
    identity.verification_session.verified invoice.created invoice.deleted invoice.finalization_failed
    invoice.finalized invoice.marked_uncollectible invoice.overdue invoice.overpaid invoice.paid
    invoice.payment_action_required invoice.payment_attempt_required invoice.payment_failed
    invoice.payment_succeeded invoice.sent invoice.upcoming invoice.updated invoice.voided invoice.will_be_due
    invoice_payment.paid invoiceitem.created invoiceitem.deleted issuing_authorization.created
    issuing_authorization.request issuing_authorization.updated issuing_card.created issuing_card.updated
    issuing_cardholder.created issuing_cardholder.updated issuing_dispute.closed issuing_dispute.created
    issuing_dispute.funds_reinstated issuing_dispute.funds_rescinded issuing_dispute.submitted
    issuing_dispute.updated issuing_personalization_design.activated issuing_personalization_design.deactivated
    issuing_personalization_design.rejected issuing_personalization_design.updated issuing_token.created
    issuing_token.updated issuing_transaction.created issuing_transaction.purchase_details_receipt_updated
    issuing_transaction.updated mandate.updated payment_intent.amount_capturable_updated payment_intent.canceled
    payment_intent.created payment_intent.partially_funded payment_intent.payment_failed
    payment_intent.processing payment_intent.requires_action payment_intent.succeeded payment_link.created
    payment_link.updated payment_method.attached payment_method.automatically_updated payment_method.detached
    payment_method.updated payout.canceled payout.created payout.failed payout.paid
    payout.reconciliation_completed payout.updated person.created person.deleted person.updated plan.created
    plan.deleted plan.updated price.created price.deleted price.updated product.created product.deleted
    product.updated promotion_code.created promotion_code.updated quote.accepted quote.canceled quote.created
    quote.finalized radar.early_fraud_warning.created radar.early_fraud_warning.updated refund.created
    refund.failed refund.updated reporting.report_run.failed reporting.report_run.succeeded
    reporting.report_type.updated reserve.hold.created reserve.hold.updated reserve.plan.created
    reserve.plan.disabled reserve.plan.expired reserve.plan.updated reserve.release.created review.closed
    review.opened setup_intent.canceled setup_intent.created setup_intent.requires_action
    setup_intent.setup_failed setup_intent.succeeded sigma.scheduled_query_run.created source.canceled
    source.chargeable source.failed source.mandate_notification source.refund_attributes_required
    source.transaction.created source.transaction.updated subscription_schedule.aborted
    subscription_schedule.canceled subscription_schedule.completed subscription_schedule.created
    subscription_schedule.expiring subscription_schedule.released subscription_schedule.updated
    tax.settings.updated tax_rate.created tax_rate.updated terminal.reader.action_failed
    terminal.reader.action_succeeded terminal.reader.action_updated test_helpers.test_clock.advancing
    test_helpers.test_clock.created test_helpers.test_clock.deleted test_helpers.test_clock.internal_failure
    test_helpers.test_clock.ready three_d_secure.authentication.canceled
    three_d_secure.authentication.challenge_started three_d_secure.authentication.errored
    three_d_secure.authentication.failed three_d_secure.authentication.requires_challenge
    three_d_secure.authentication.requires_submission three_d_secure.authentication.succeeded topup.canceled
    topup.created topup.failed topup.reversed topup.succeeded transfer.created transfer.reversed
    transfer.updated treasury.credit_reversal.created treasury.credit_reversal.posted
    treasury.debit_reversal.completed treasury.debit_reversal.created
    treasury.debit_reversal.initial_credit_granted treasury.financial_account.closed
    treasury.financial_account.created treasury.financial_account.features_status_updated
    treasury.inbound_transfer.canceled treasury.inbound_transfer.created treasury.inbound_transfer.failed
    treasury.inbound_transfer.succeeded treasury.outbound_payment.canceled treasury.outbound_payment.created
    treasury.outbound_payment.expected_arrival_date_updated treasury.outbound_payment.failed
    treasury.outbound_payment.posted treasury.outbound_payment.returned
    treasury.outbound_payment.tracking_details_updated treasury.outbound_transfer.canceled
    treasury.outbound_transfer.created treasury.outbound_transfer.expected_arrival_date_updated
    treasury.outbound_transfer.failed treasury.outbound_transfer.posted treasury.outbound_transfer.returned
    treasury.outbound_transfer.tracking_details_updated treasury.received_credit.created
    treasury.received_credit.failed treasury.received_credit.succeeded treasury.received_debit.created
""")

TAX_ID_TYPES = _words("""
    ad_nrt ae_trn al_tin am_tin ao_tin ar_cuit au_abn au_acn au_arn au_wpn aw_tin az_tin ba_tin bb_tin bd_bin
    bf_ifu bg_uic bh_vat bj_ifu bo_tin br_cnpj br_cpf bs_tin bw_vat by_tin ca_bn ca_gst_hst ca_pst_bc ca_pst_mb
    ca_pst_sk ca_qst cd_nif ch_uid ch_vat ci_vat cl_tin cm_niu cn_tin co_nit cr_tin cv_nif cz_dic de_stn do_rcn
    ec_ruc eg_tin es_cif et_tin eu_oss_vat eu_vat fo_vat fr_siren fr_siret fr_spi gb_vat ge_vat gh_tin gi_tin
    gn_nif hk_br hr_oib hu_tin ic_nif id_npwp il_vat in_gst is_kt is_vat it_cf jp_cn jp_rn jp_trn ke_pin kg_tin
    kh_tin kr_brn kz_bin la_tin li_uid li_vat lk_vat ma_vat md_cf md_vat me_pib mk_vat mr_nif mu_vat mx_rfc
    my_frp my_itn my_sst mz_nuit ng_tin no_vat no_voec np_pan nz_bn nz_gst om_vat pe_ruc ph_tin pl_nip pt_nif
    py_ruc ro_tin rs_pib ru_inn ru_kpp sa_vat sg_gst sg_uen si_tin sm_coe sn_ninea sr_fin sv_nit th_vat tj_tin
    tr_tin tt_bir tt_vat tw_vat tz_vat ua_vat ug_tin us_ein uy_ruc uz_tin uz_vat ve_rif vn_tin za_vat zm_tin
    zw_tin
""")

_LOCALES = _words("""
    auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro
    ru sk sl sv th tr vi zh zh-HK zh-TW
""")
CHECKOUT_LOCALES = (*_LOCALES, "hi-IN")
PORTAL_LOCALES = (*_LOCALES, "en-AU", "en-CA", "en-IE", "en-IN", "en-NZ", "en-SG")

# Kinds of payment method: those that can be excluded, and more in other places.
_METHODS = _words("""
    acss_debit affirm alipay amazon_pay au_becs_debit bacs_debit bancontact billie blik boleto card cashapp
    crypto customer_balance eps fpx giropay grabpay ideal kakao_pay klarna konbini kr_card mb_way multibanco
    naver_pay nz_bank_account p24 pay_by_bank payco paynow paypal payto pix promptpay revolut_pay satispay
    sepa_debit sequra sofort swish twint upi us_bank_account wechat_pay
""")
EXCLUDED_METHODS = _METHODS + _words(
    "afterpay_clearpay alma bizum mobilepay oxxo paypay samsung_pay scalapay sunbit zip"
)
CHECKOUT_METHODS = (*EXCLUDED_METHODS, "link")
METHODS = (*CHECKOUT_METHODS, "custom")
INVOICE_METHODS = _METHODS + _words("ach_credit_transfer ach_debit custom jp_credit_transfer link sepa_credit_transfer")
ALLOWED_METHODS = CHECKOUT_METHODS + _words("""
    boku_promptpay capchase_pay card_present check_scan click_to_pay demo_pay duitnow dummy_auth_push
    dummy_passthrough_card edenred gcash getbalance gift_card gopay id_bank_transfer interac_present knet
    kr_market kriya momo mondu netbanking ng_bank ng_bank_transfer ng_card ng_market ng_ussd ng_wallet octopus
    paper_check qris rechnung shop_pay shopeepay south_korea_market stripe_balance tamara test_pay touch_n_go
    truemoney us_cash_voucher vipps wero
""")
