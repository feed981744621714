"""The words, numbers and signs of a text, or where it has what is none of them.

sqlglot's tokenizer serves many dialects: `0x41` would be 0 with a name, `1e` a number, `?` a parameter.
"""

import re

from sqlglot.errors import TokenError
from sqlglot.tokens import Token, Tokenizer, TokenType

from job.sql.syntax import SqlError, place_at

_SIGNS = frozenset(["(", ")", ",", ".", ";", "+", "-", "*", "/", "%", "=", "<", ">", "<=", ">=", "<>", "!=", "||"])
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([Ee][+-]?\d+)?")
_WRITTEN = re.compile(r"[\d.]*([Ee][+-])?\w*")
_PARTS = re.compile(r"""'(?:[^']|'')*+'|"(?:[^"]|"")*+"|(?:--|//)[^\n]*|/\*.*?\*/|/\*|[^'"/-]+|.""", re.DOTALL)
"""What a text is made of: of what is not closed, the quote alone, or the beginning of the comment."""


class _Tokenizer(Tokenizer):
    COMMENTS = ["--", "//", ("/*", "*/")]  # noqa: RUF012 - sqlglot's way, here and below
    NESTED_COMMENTS = False
    KEYWORDS = {text: kind for text, kind in Tokenizer.KEYWORDS.items() if text != "/*+"}  # noqa: RUF012


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, without its comments.

    Raises:
        SqlError: with line and column of what is none of the service's SQL.

    >>> [token.text for token in tokens_of('SELECT "a", 1.5 -- both')]
    ['SELECT', 'a', ',', '1.5']
    >>> tokens_of("SELECT 'a")
    Traceback (most recent call last):
    ...
    job.sql.syntax.SqlError: line 1, column 8: a text must end with '
    """
    _check_closed(text)
    try:
        found = _Tokenizer().tokenize(text)
    except TokenError as error:
        raise SqlError(f"text must be SQL: {error}") from None
    for token in found:
        if problem := _problem(text, token):
            raise SqlError(f"{place_at(text, token.start)}: {problem}")
    return found


def _check_closed(text: str) -> None:
    ends = {"'": "a text must end with '", '"': 'a name must end with "', "/*": "a comment must end with */"}
    for match in _PARTS.finditer(text):
        if match.group() in ends:
            raise SqlError(f"{place_at(text, match.start())}: {ends[match.group()]}")


def _problem(text: str, token: Token) -> str | None:
    if token.token_type == TokenType.IDENTIFIER:
        return None if token.text else "a name must have a character, got none"
    if token.token_type == TokenType.NUMBER:
        written = _WRITTEN.match(text, token.start)[0]  # type: ignore[index]
        return None if _NUMBER.fullmatch(written) else f"a number must be such as 10, 1.5 or 1E3, got {written}"
    is_word = token.text[:1].isalpha() or token.text.startswith("_")
    if token.token_type == TokenType.STRING or is_word or token.text in _SIGNS:
        return None
    return f"{token.text} is not supported"
