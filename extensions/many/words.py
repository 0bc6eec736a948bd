# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of guests, files and people, made fit to print."""
import time
import unicodedata

# No width, but no format character either.
HIDDEN = {0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x3164, 0xffa0, *range(0x180b, 0x1810), *range(0xfe00, 0xfe10)}


def shown(text):
    """Controls, direction marks and whatever a reader would not see as escapes; bytes that are no UTF-8 as \\x.."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    return "".join(map(one, text))


def one(c):
    code = ord(c)
    if 0xdc80 <= code <= 0xdcff:
        return f"\\x{code - 0xdc00:02x}"
    if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp") and code not in HIDDEN:
        return c
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def when(seconds):
    """UTC, to the minute; years beyond what a clock has are shown as the number."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return str(seconds)
