"""The chart of accounts. Debits are positive, credits negative, wherever an amount is posted."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class AccountClass(StrEnum):
    ASSET = "asset"
    LIABILITY = "liability"
    REVENUE = "revenue"
    EXPENSE = "expense"


class Account(StrEnum):
    """Every account there is; balances are kept per account, customer and currency."""

    RECEIVABLE = "receivable"
    UNBILLED_RECEIVABLE = "unbilled-receivable"
    CLEARING = "clearing"
    REVENUE = "revenue"
    PROMOTIONAL_CREDITS = "promotional-credits"
    BREAKAGE = "breakage"
    DEFERRED_REVENUE = "deferred-revenue"
    PAID_CREDITS = "paid-credits"
    TAX_PAYABLE = "tax-payable"
    CUSTOMER_BALANCE = "customer-balance"
    PAYABLES = "payables"
    RESERVE = "reserve"
    WITHHELD_TAX = "withheld-tax"
    ROUNDING = "rounding"
    FX = "fx"
    BAD_DEBT = "bad-debt"
    FEES = "fees"


CLASSES: Final = {
    Account.RECEIVABLE: AccountClass.ASSET,
    Account.UNBILLED_RECEIVABLE: AccountClass.ASSET,
    Account.CLEARING: AccountClass.ASSET,
    Account.REVENUE: AccountClass.REVENUE,
    Account.PROMOTIONAL_CREDITS: AccountClass.REVENUE,
    Account.BREAKAGE: AccountClass.REVENUE,
    Account.DEFERRED_REVENUE: AccountClass.LIABILITY,
    Account.PAID_CREDITS: AccountClass.LIABILITY,
    Account.TAX_PAYABLE: AccountClass.LIABILITY,
    Account.CUSTOMER_BALANCE: AccountClass.LIABILITY,
    Account.PAYABLES: AccountClass.LIABILITY,
    Account.RESERVE: AccountClass.LIABILITY,
    Account.WITHHELD_TAX: AccountClass.LIABILITY,
    Account.ROUNDING: AccountClass.EXPENSE,
    Account.FX: AccountClass.EXPENSE,
    Account.BAD_DEBT: AccountClass.EXPENSE,
    Account.FEES: AccountClass.EXPENSE,
}
"""Promotional credits are a contra account of revenue: they stand there with a debit balance."""

MEANINGS: Final = {
    Account.RECEIVABLE: "invoiced and not paid",
    Account.UNBILLED_RECEIVABLE: "used by the end of a period and not invoiced yet",
    Account.CLEARING: "money received or given back, before the bank statement says so",
    Account.REVENUE: "what was used, after discounts, without taxes",
    Account.PROMOTIONAL_CREDITS: "given credits that paid for usage: they reduce revenue",
    Account.BREAKAGE: "paid credits and commitments that were never used",
    Account.DEFERRED_REVENUE: "billed in advance and not earned yet",
    Account.PAID_CREDITS: "credits bought and not used yet",
    Account.TAX_PAYABLE: "taxes invoiced",
    Account.CUSTOMER_BALANCE: "owed to customers: credit notes, overpayments",
    Account.PAYABLES: "owed to others: by manual entries so far",
    Account.RESERVE: "held back: by manual entries so far",
    Account.WITHHELD_TAX: "withheld for a tax office: by manual entries so far",
    Account.ROUNDING: "differences of rounding: by manual entries so far",
    Account.FX: "differences of exchange: by manual entries so far",
    Account.BAD_DEBT: "receivables given up: by manual entries so far",
    Account.FEES: "fees of payment providers: by manual entries so far",
}
"""In words, as `tieout ledger accounts` and exports say them."""
