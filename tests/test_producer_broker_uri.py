"""What the command line may say of a topic or stream, and that no secret is ever repeated."""

import doctest

import pytest

from producer import broker_uri
from producer.broker_uri import parse_broker_uri
from producer.errors import RefusedError
from producer.output import open_output

KAFKA = "it goes into the environment (KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD, KAFKA_SSL_KEY_PASSWORD, \
KAFKA_SSL_KEYSTORE_PASSWORD) or into a file that ?config=FILE names"
KINESIS = "it goes into the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or into ~/.aws/credentials"


def refused(text, environment=None):
    with pytest.raises(ValueError) as error:
        parse_broker_uri("to", text, environment or {})
    return str(error.value)


def test_examples_in_docstrings_are_true():
    failed, attempted = doctest.testmod(broker_uri)
    assert attempted and not failed


@pytest.mark.parametrize(
    ("uri", "servers", "topic"),
    [
        ("kafka://localhost:9092/room", "localhost:9092", "room"),
        ("kafka://a.b-c:1,[::1]:65535/room.1_x-y", "a.b-c:1,[::1]:65535", "room.1_x-y"),
        ("kinesis://us-gov-west-1/VolumeStream", "us-gov-west-1", "VolumeStream"),
    ],
)
def test_place_is_read(uri, servers, topic):
    told = parse_broker_uri("to", uri, {})
    assert (told.servers, told.topic, told.options) == (servers, topic, {})


@pytest.mark.parametrize(
    "uri",
    [
        "kafka://", "kafka://localhost/room", "kafka://localhost:0/room", "kafka://a:65536/room", "kafka://a:1,/room",
        "kafka://a:1/", "kafka://a:1/..", "kafka://a:1/a/b", "kafka://a:1/a b", "kafka://a:1/" + "x" * 250,
        "kafka:a:1/room",
    ],
)  # fmt: skip
def test_other_places_of_kafka_are_refused(uri):
    form = "kafka://HOST:PORT[,HOST:PORT…]/TOPIC"
    form += " or kinesis://REGION/STREAM" if uri.startswith("kafka:a") else ""
    assert refused(uri) == f"to must be {form}, got {uri!r}"


@pytest.mark.parametrize("uri", ["kinesis://VolumeStream", "kinesis://tokyo/room", "kinesis://eu-west-1/a:b"])
def test_other_places_of_kinesis_are_refused(uri):
    assert refused(uri + "?x=hunter2") == f"to must be kinesis://REGION/STREAM, got {uri!r}"


@pytest.mark.parametrize(
    "option",
    [
        "sasl.password", "sasl.jaas.config", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem",
        "SASL.PASSWORD", "sasl%2Epassword", "properties.sasl.password", "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config", "ssl.truststore.password", "password", "token",
    ],
)  # fmt: skip
def test_secrets_of_kafka_are_refused_and_not_repeated(option):
    text = refused(f"kafka://a:1/room?linger.ms=5&{option}=hunter2")
    assert text == f"to must not hold a secret ({option.replace('%2E', '.')}): {KAFKA}"


@pytest.mark.parametrize("option", ["accesskey", "aws_secret_access_key", "aws.credentials.basic.secretkey", "secret"])
def test_secrets_of_kinesis_are_refused_and_not_repeated(option):
    assert refused(f"kinesis://eu-west-1/room?{option}=hunter2") == f"to must not hold a secret ({option}): {KINESIS}"


@pytest.mark.parametrize(
    "uri",
    [
        "kafka://eve:hunter2@a:1/room", "kafka://eve:hun?ter2@a:1/room", "kafak://eve:hunter2@a:1/room",
        "kafka://eve%3Ahunter2%40a:1/room", "kafka://a:1/room&sasl.password=hunter2",
        "kafka://a:1/room?password-hunter2", "kinesis://eu-west-1/room?endpoint=http://eve:hunter2@a",
        "s3://room?password=hunter2", "https://eve:hunter2@a/room",
    ],
)  # fmt: skip
def test_secret_in_any_place_is_not_repeated(uri):
    for parse in (lambda: parse_broker_uri("to", uri, {}), lambda: open_output(uri)):
        with pytest.raises((ValueError, RefusedError)) as error:
            parse()
        assert "ter2" not in str(error.value)


def test_where_a_secret_is_may_be_told():
    options = {"ssl.key.location": "/key.pem", "sasl.oauthbearer.token.endpoint.url": "https://a"}
    query = "&".join(f"{name}={value}" for name, value in options.items())
    assert parse_broker_uri("to", f"kafka://a:1/room?{query}", {}).options == options


def test_options_are_not_shown():
    told = parse_broker_uri("to", "kafka://a:1/room", {"KAFKA_SASL_PASSWORD": "hunter2"})
    assert told.options == {"sasl.password": "hunter2"}
    assert repr(told) == "BrokerUri(scheme='kafka', servers='a:1', topic='room')"


@pytest.mark.parametrize("part", ["linger.ms", "linger.ms=5&", "=5"])
def test_option_without_name_or_value_is_refused(part):
    assert refused(f"kafka://a:1/room?{part}") == (
        "to must have options as ?NAME=VALUE&NAME=VALUE, got one without name or value"
    )


def test_option_told_twice_is_refused():
    assert refused("kafka://a:1/room?acks=all&acks=1") == "to must have every option once, got acks twice"


def test_file_is_read_as_java_does(tmp_path):
    file = tmp_path / "client.properties"
    file.write_text(
        "# a comment\n! another\n\nacks = all\nlinger.ms:5\nssl.ca.location=/a=b:c\nempty=\n"
        "sasl.password=a\\\\b\\u00e9\\=\\\n    # c\nclient.id=\\\n   me\n"
    )
    told = parse_broker_uri("to", f"kafka://a:1/room?config={file}", {})
    assert told.options == {
        "acks": "all", "linger.ms": "5", "ssl.ca.location": "/a=b:c", "empty": "", "sasl.password": "a\\bé=# c",
        "client.id": "me",
    }  # fmt: skip


def test_query_wins_over_environment_and_that_over_the_file(tmp_path):
    file = tmp_path / "client.properties"
    file.write_text("linger.ms=5\nsasl.username=file\nsasl.password=file\nsasl.jaas.config=x\nclient.id=file\n")
    environment = {"KAFKA_SASL_USERNAME": "environment", "KAFKA_SASL_PASSWORD": "environment", "KAFKA_OTHER": "x"}
    told = parse_broker_uri("to", f"kafka://a:1/room?config={file}&sasl.username=query&linger.ms=7", environment)
    assert told.options == {
        "linger.ms": "7", "sasl.username": "query", "sasl.password": "environment", "client.id": "file",
    }  # fmt: skip


def test_file_that_cannot_be_read_is_refused(tmp_path):
    file = tmp_path / "client.properties"
    uri = f"kafka://a:1/room?config={file}"
    assert refused(uri) == f"to: The file {str(file)!r} cannot be read: No such file or directory."
    file.write_bytes(b"\xff\xfe")
    assert refused(uri) == f"to: The file {str(file)!r} cannot be read: it is not UTF-8."
    file.write_text("acks=all\nhunter2\n")
    assert refused(uri) == f"to: line 2 of {str(file)!r} must be NAME = VALUE"
