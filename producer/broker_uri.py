"""Kafka topics and Kinesis streams as the command line names them, with their options; secrets come from elsewhere.

    kafka://HOST:PORT[,HOST:PORT…]/TOPIC[?NAME=VALUE&…]
    kinesis://REGION/STREAM[?NAME=VALUE&…]

Knows the standard library only. What the options mean is for the client of the broker to say.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

FORMS = {"kafka": "kafka://HOST:PORT[,HOST:PORT…]/TOPIC", "kinesis": "kinesis://REGION/STREAM"}
ENVIRONMENT = {
    "KAFKA_SASL_USERNAME": "sasl.username",
    "KAFKA_SASL_PASSWORD": "sasl.password",
    "KAFKA_SSL_KEY_PASSWORD": "ssl.key.password",
    "KAFKA_SSL_KEYSTORE_PASSWORD": "ssl.keystore.password",
}
"""Variables of the environment, and the option of Kafka that each gives."""

_HOST_PORT = r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}"
_PLACES = {
    "kafka": re.compile(rf"({_HOST_PORT}(?:,{_HOST_PORT})*)/([\w.-]{{1,249}})", re.ASCII),
    "kinesis": re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)/([\w.-]{1,128})", re.ASCII),
}
_SECRET = re.compile(
    r"passw|passphrase|pwd|secret|token|jaas|access.?key|private.?key|key\.pem|oauthbearer\.config", re.IGNORECASE
)
_NO_SECRET = re.compile(r"\.(url|location|file)$", re.IGNORECASE)  # where a secret is, not the secret
_ELSEWHERE = {
    "kafka": f"it goes into the environment ({', '.join(ENVIRONMENT)}) or into a file that ?config=FILE names",
    "kinesis": "it goes into the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or into ~/.aws/credentials",
}
_PROPERTY = re.compile(r"((?:\\.|[^\\=:\s])+)\s*[=:]\s*(.*)")
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


@dataclass(frozen=True)
class BrokerUri:
    """`servers` is HOST:PORT[,HOST:PORT…] for kafka, and the region for kinesis; `topic` is a topic or a stream.

    `options` may hold secrets, and is not shown.
    """

    scheme: str
    servers: str
    topic: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse_broker_uri(name: str, text: str, environment: Mapping[str, str] = os.environ) -> BrokerUri:
    """The end `text` of the option `name`. The query's options win over the environment's, and those over the file's.

    >>> parse_broker_uri("to", "kinesis://ap-northeast-1/VolumeStream")
    BrokerUri(scheme='kinesis', servers='ap-northeast-1', topic='VolumeStream')
    >>> told = parse_broker_uri("to", "kafka://a:9092,b:9092/room?linger.ms=20", {"KAFKA_SASL_USERNAME": "eve"})
    >>> told
    BrokerUri(scheme='kafka', servers='a:9092,b:9092', topic='room')
    >>> told.options
    {'sasl.username': 'eve', 'linger.ms': '20'}

    Secrets are refused, and never repeated:

    >>> parse_broker_uri("to", "kinesis://eu-west-1/room?aws_secret_access_key=abc")  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    ...
    ValueError: to must not hold a secret (aws_secret_access_key): it goes into the environment (AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY) or into ~/.aws/credentials

    Raises:
        ValueError: for another form, a secret, or a file that cannot be read; one sentence.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in FORMS:
        raise ValueError(f"{name} must be {' or '.join(FORMS.values())}{shown(text)}")
    place, _, query = rest.partition("?")
    if "@" in place:
        raise _secret(name, scheme, "user:password@")
    found = _PLACES[scheme].fullmatch(place)
    if found is None or (scheme == "kafka" and not _ports_are_real(found[1])) or found[2] in (".", ".."):
        raise ValueError(f"{name} must be {FORMS[scheme]}{shown(text)}")
    options = _query_options(name, scheme, query)
    if scheme == "kafka":
        file = options.pop("config", None)
        below = read_properties(name, Path(file).expanduser()) if file is not None else {}
        given = {option: environment[variable] for variable, option in ENVIRONMENT.items() if environment.get(variable)}
        if "sasl.password" in given:
            below.pop("sasl.jaas.config", None)  # Java's form of the same
        options = {**below, **given, **options}
    return BrokerUri(scheme, found[1], found[2], options)


def shown(text: str) -> str:
    """`, got TEXT` for the end of an error, without the options; nothing if there may be a secret in it.

    >>> shown("kafka://host/room?x=1")
    ", got 'kafka://host/room'"
    >>> shown("kafak://user:abc@host:9092/room")
    ''
    """
    plain = unquote(text)
    return "" if "@" in plain or _SECRET.search(plain) else f", got {text.partition('?')[0]!r}"


def read_properties(name: str, file: Path) -> dict[str, str]:
    r"""Options from a file of Java properties: `name = value` or `name: value`, # comments, \ before the line's end.

    Raises:
        ValueError: it cannot be read, or a line is none of that; the line is not repeated.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(f"{name}: The file {str(file)!r} cannot be read: {reason}.") from None
    options: dict[str, str] = {}
    begun = ""
    for number, line in enumerate(text.splitlines(), 1):
        whole = begun + line.strip()
        if whole.startswith(("#", "!")):
            continue
        if (len(whole) - len(whole.rstrip("\\"))) % 2:
            begun = whole[:-1]
            continue
        begun = ""
        if not whole:
            continue
        pair = _PROPERTY.fullmatch(whole)
        if pair is None:
            raise ValueError(f"{name}: line {number} of {str(file)!r} must be NAME = VALUE")
        options[_unescaped(pair[1])] = _unescaped(pair[2])
    return options


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _CONTROL.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", plain, text)


def _query_options(name: str, scheme: str, query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in query.split("&") if query else []:
        option, equals, value = (unquote(each) for each in part.partition("="))
        if _SECRET.search(option) and not _NO_SECRET.search(option):
            # what has no = may be the secret itself
            raise _secret(name, scheme, option if equals and re.fullmatch(r"[\w.-]+", option) else "an option")
        if re.search(r"//[^/]*@", value):
            raise _secret(name, scheme, f"user:password@ in {option}")
        if not option or not equals:
            raise ValueError(f"{name} must have options as ?NAME=VALUE&NAME=VALUE, got one without name or value")
        if option in options:
            raise ValueError(f"{name} must have every option once, got {option} twice")
        options[option] = value
    return options


def _secret(name: str, scheme: str, what: str) -> ValueError:
    return ValueError(f"{name} must not hold a secret ({what}): {_ELSEWHERE[scheme]}")


def _ports_are_real(servers: str) -> bool:
    return all(1 <= int(server.rpartition(":")[2]) <= 65535 for server in servers.split(","))
