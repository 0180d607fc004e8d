"""Tax ids: the kinds Stripe knows, adding one to an account's customer, and removing it.

Nothing is written here: ask for the customer afterwards, and write the answer.
"""

from dataclasses import dataclass

from billing.core import i18n
from billing.core.errors import Conflict, Invalid, NotFound
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.domain.accounts.models import Account
from billing.domain.customers import service
from billing.domain.customers.service import Obtained
from billing.gateway import customers as gateway
from billing.gateway.errors import NoSuchObject, StripeRefused

log = get_logger(__name__)

_LONGEST = 100

# Each type Stripe takes, behind the code of its country, with an example where Stripe gives one.
# https://docs.stripe.com/billing/customer/tax-ids#supported-tax-id
_EXAMPLES = dict(
    line.partition(" ")[::2]
    for line in """\
ad_nrt A-123456-Z
ae_trn 123456789012345
al_tin J12345678N
am_tin 02538904
ao_tin 5123456789
ar_cuit 12-3456789-01
au_abn 12345678912
au_acn 123456789
au_arn 123456789123
au_wpn
aw_tin 12345678
az_tin 0123456789
ba_tin 123456789012
bb_tin 1123456789012
bd_bin 123456789-0123
bf_ifu 12345678A
bg_uic 123456789
bh_vat 123456789012345
bj_ifu 1234567890123
bo_tin 123456789
br_cnpj 01.234.456/5432-10
br_cpf 123.456.789-87
bs_tin 123.456.789
bw_vat
by_tin 123456789
ca_bn 123456789
ca_gst_hst 123456789RT0002
ca_pst_bc PST-1234-5678
ca_pst_mb 123456-7
ca_pst_sk 1234567
ca_qst 1234567890TQ1234
cd_nif A0123456M
ch_uid CHE-123.456.789 HR
ch_vat CHE-123.456.789 MWST
ci_vat
cl_tin 12.345.678-K
cm_niu M123456789000L
cn_tin 123456789012345678
co_nit 123.456.789-0
cr_tin 1-234-567890
cv_nif 213456789
cz_dic
de_stn 1234567890
do_rcn 123-4567890-1
ec_ruc 1234567890001
eg_tin 123456789
es_cif A12345678
et_tin 1234567890
eu_oss_vat EU123456789
eu_vat DE123456789
fo_vat
fr_siren 123456789
fr_siret 12345678901234
fr_spi
gb_vat GB123456789
ge_vat 123456789
gh_tin
gi_tin
gn_nif 123456789
hk_br 12345678
hr_oib 12345678901
hu_tin 12345678-1-23
ic_nif
id_npwp 012.345.678.9-012.345
il_vat 000012345
in_gst 12ABCDE3456FGZH
is_kt
is_vat 123456
it_cf
jp_cn 1234567891234
jp_rn 12345
jp_trn T1234567891234
ke_pin P000111111A
kg_tin 12345678901234
kh_tin 1001-123456789
kr_brn 123-45-67890
kz_bin 123456789012
la_tin 123456789-000
li_uid CHE123456789
li_vat 12345
lk_vat
ma_vat 12345678
md_cf
md_vat 1234567
me_pib 12345678
mk_vat MK1234567890123
mr_nif 12345678
mu_vat
mx_rfc ABC010203AB9
my_frp 12345678
my_itn C 1234567890
my_sst A12-3456-78912345
mz_nuit
ng_tin 12345678-0001
no_vat 123456789MVA
no_voec 1234567
np_pan 123456789
nz_bn
nz_gst 123456789
om_vat OM1234567890
pe_ruc 12345678901
ph_tin 123456789012
pl_nip 1234567890
pt_nif
py_ruc
ro_tin 1234567890123
rs_pib 123456789
ru_inn 1234567891
ru_kpp 123456789
sa_vat 123456789012345
sg_gst M12345678X
sg_uen 123456789F
si_tin 12345678
sm_coe
sn_ninea 12345672A2
sr_fin 1234567890
sv_nit 1234-567890-123-4
th_vat 1234567891234
tj_tin 123456789
tr_tin 0123456789
tt_bir
tt_vat
tw_vat 12345678
tz_vat 12345678A
ua_vat 123456789
ug_tin 1014751879
us_ein 12-3456789
uy_ruc 123456789012
uz_tin 123456789
uz_vat 123456789012
ve_rif A-12345678-9
vn_tin 1234567890
za_vat 4123456789
zm_tin 1004751879
zw_tin
""".splitlines()
)
KINDS = frozenset(_EXAMPLES)
"""Stripe's types of tax ids."""

_WITHOUT_BLANKS = ("eu_vat", "gb_vat")


@dataclass(frozen=True)
class Kind:
    """A kind of tax id as a person chooses it: `name` is short, such as "VAT", and `example` may be empty."""

    type: str
    name: str
    example: str


class TaxIdRefused(Invalid):
    """Stripe does not take the tax id."""

    code, title = "tax_id_refused", N_("Please check the tax id")


class AlreadyThere(Conflict):
    """The customer has this tax id."""

    code, title = "tax_id_known", N_("You have this tax id already")


def kind(tax_type: str) -> Kind:
    """The kind of that type, whether Stripe's list has it or not."""
    name = tax_type.partition("_")[2].upper().replace("GST_HST", "GST/HST").replace("_", " ")
    return Kind(tax_type, name or tax_type, _EXAMPLES.get(tax_type, ""))


def country_of(tax_type: str) -> str:
    """The name of the country, or group of countries, whose businesses have such a tax id."""
    code = tax_type[:2].upper()
    return i18n.territories().get(code, code)


def kinds_by_country() -> dict[str, list[Kind]]:
    """All kinds Stripe takes, by the name of their country; the one most have comes first."""
    by_country = {country_of("eu_vat"): [kind("eu_vat"), kind("eu_oss_vat")]}
    for code, name in i18n.territories().items():
        found = [kind(each) for each in sorted(KINDS) if each.startswith(f"{code.lower()}_")]
        if found:
            by_country.setdefault(name, found)
    return by_country


def add(account: Account, tax_type: str, value: str) -> Obtained:
    """Add a tax id to the account's customer, who is made if need be; the customer, for the caller to keep.

    Raises TaxIdRefused, in words, and AlreadyThere.
    """
    value = " ".join(value.split())
    if tax_type in _WITHOUT_BLANKS:
        value = value.replace(" ", "").upper()
    if tax_type not in KINDS:
        raise TaxIdRefused(_("Choose what kind of number it is."), field="type")
    if not value or len(value) > _LONGEST:
        raise TaxIdRefused(_("Enter the number."), field="value")
    customer = service.find(account)
    held = customer.tax_ids if customer else []
    if any((each["type"], each["value"]) == (tax_type, value) for each in held):
        raise AlreadyThere(_("You have this tax id already."), field="value")
    obtained = service.obtain(account)
    try:
        gateway.add_tax_id(obtained.stripe_id, tax_type, value, key=tuple(each["stripe_id"] for each in held))
    except NoSuchObject:
        raise service.CustomerGone from None
    except StripeRefused as refusal:
        raise TaxIdRefused(_refusal(refusal, kind(tax_type)), field="value") from refusal
    log.info("tax_id_added", customer=obtained.stripe_id, type=tax_type)
    return obtained


def _refusal(refusal: StripeRefused, wanted: Kind) -> str:
    if refusal.stripe_code != "tax_id_invalid":
        return refusal.message
    if wanted.example:
        return _("That is no number of this kind. One reads like %(example)s.", example=wanted.example)
    return _("That is no number of this kind.")


def remove(account: Account, stripe_id: str) -> str:
    """Take a tax id from the account's customer; the customer's Stripe id. One that is gone already is no error.

    Raises NotFound, also for somebody else's.
    """
    customer = service.find(account)
    if customer is None or all(each["stripe_id"] != stripe_id for each in customer.tax_ids):
        raise NotFound(_("You have no such tax id."))
    owner = customer.stripe_id
    try:
        gateway.remove_tax_id(owner, stripe_id)
    except NoSuchObject:
        log.info("tax_id_gone", customer=owner, tax_id=stripe_id)
    return owner
