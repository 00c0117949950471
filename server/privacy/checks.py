"""Check digits and calendars: what makes a number a document's number."""

from datetime import date

# Positions' weights and remainders of GB 11643-1999, which applies ISO 7064 MOD 11-2.
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
# First two digits: the provinces (GB/T 2260); 81 to 83: residents from Hong Kong, Macau and Taiwan; 9: foreigners.
_PROVINCES = {
    *range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71,
    *range(81, 84), *range(91, 100),
}  # fmt: skip
_FIRST_YEAR, _LAST_YEAR = 1900, 2035
# Issuers' first digits and the lengths of their cards (ISO/IEC 7812): UnionPay, Visa, Mastercard, American Express,
# Diners, JCB, Discover, and ICBC's old numbers.
_CARDS: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = (
    (("62", "81"), (16, 17, 18, 19)),
    (("4",), (13, 16, 18, 19)),
    (("51", "52", "53", "54", "55", "22", "23", "24", "25", "26", "27"), (16,)),
    (("34", "37"), (15,)),
    (("30", "36", "38"), (14,)),
    (("35",), (16, 19)),
    (("60", "64", "65"), (16, 19)),
    (("9558",), (19,)),
)


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if at % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def is_bank_card(digits: str) -> bool:
    """Whether an issuer gives out numbers of this beginning and length, and the check digit fits."""
    fits = any(digits.startswith(first) and len(digits) in lengths for first, lengths in _CARDS)
    return fits and luhn(digits)


def is_id_card(number: str) -> bool:
    """Whether it is an identity number: 18 digits of which the last checks, or 15 with a possible birthday."""
    if not number[:2].isdigit() or int(number[:2]) not in _PROVINCES:
        return False
    if len(number) == 18:
        total = sum(int(digit) * weight for digit, weight in zip(number, _ID_WEIGHTS, strict=False))
        return _is_day(number[6:14]) and _ID_CHECKS[total % 11] == number[17].upper()
    return len(number) == 15 and _is_day("19" + number[6:12])


def is_hong_kong_id(number: str) -> bool:
    """Whether the check digit of a Hong Kong identity card fits: one or two letters, six digits, 0 to 9 or A."""
    letters = number[:-7]
    values = [36] * (2 - len(letters)) + [ord(letter) - 55 for letter in letters]
    values += [int(digit) for digit in number[-7:-1]]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return "0123456789A"[-total % 11] == number[-1]


def is_taiwan_id(number: str) -> bool:
    """Whether the check digit of a Taiwan identity number fits: a letter and nine digits."""
    place = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0]) + 10
    digits = [place // 10, place % 10, *(int(digit) for digit in number[1:])]
    weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 10 == 0


def _is_day(digits: str) -> bool:
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return _FIRST_YEAR <= day.year <= _LAST_YEAR
