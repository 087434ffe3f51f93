"""Masks: enough of a personal value for its owner to recognise it, too little for anybody else."""

import phonenumbers


def phone(number: str) -> str:
    """A phone number with all but its last four digits starred."""
    digits = [c for c in number if c.isdigit()]
    return "*" * (len(digits) - 4) + "".join(digits[-4:])


def phone_country(number: str) -> str | None:
    """The country whose numbering plan an E.164 number belongs to; None where the plan does not tell one from another."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(number, None))


def name(full: str) -> str:
    """A name's first letter."""
    return full[:1] + "***"


def email(address: str) -> str:
    """An address's first letter and its top-level domain."""
    return f"{address[:1]}***@***.{address.rsplit('.', 1)[-1]}"


def postal_code(code: str) -> str:
    """The leading half of a postal code: a district, not a street."""
    kept = len(code) // 2
    return code[:kept] + "*" * (len(code) - kept)
