#!/usr/bin/env python3
"""Read a Kafka topic with confluent-kafka and fastavro alone: python3 tests/python/kafka_topic.py BROKERS TOPIC [--schema FILE]

Without a schema the messages are Avro containers (ZTF's packets). With one, each is byte 0, a schema id as four bytes
(big-endian) and a datum of that schema: LSST's packets, or skydiff's own records (skydiff schema --avro). What aborted or
open transactions wrote is not read. --expect is how many messages must be there, --damaged how many may be unreadable,
--unique a field whose values must all differ, --print fields to be printed of the first message. --carries TOPIC: records of
ZTF's objects carry whole packets (sink.kafka.packet = "all"), which must be the messages of that topic, and of the objects
that the records are of.

Needs confluent-kafka and fastavro. Exits with 1 when anything is wrong.
"""

import argparse
import io
import json
import struct
import sys
import time

import confluent_kafka
import fastavro


def messages(brokers, topic):
    """All that is there now."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": brokers,
        "group.id": "anybody",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    })
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([confluent_kafka.TopicPartition(topic, p, confluent_kafka.OFFSET_BEGINNING) for p in partitions])
    open_partitions, until = set(partitions), time.time() + 60
    while open_partitions and time.time() < until:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error() is None:
            yield message
        elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
            open_partitions.discard(message.partition())
        else:
            sys.exit(f"{topic}: {message.error()}")
    consumer.close()
    if open_partitions:
        sys.exit(f"{topic}: the ends of partitions {sorted(open_partitions)} were not reached within a minute")


def values(message, schema):
    """The Avro values of a message."""
    value = message.value()
    if schema is None:
        return list(fastavro.reader(io.BytesIO(value)))
    zero, _ = struct.unpack(">bI", value[:5])
    if zero != 0:
        raise ValueError(f"its first byte is {zero}")
    datum = io.BytesIO(value[5:])
    read = fastavro.schemaless_reader(datum, schema)
    if datum.tell() != len(value) - 5:
        raise ValueError(f"{len(value) - 5 - datum.tell()} bytes are left over")
    return [read]


def carried(record, sent):
    """Checks the packet that a record carries; whether it has one."""
    packet = record["packet"]
    if packet is None:
        return False
    if packet["bytes"] != sent[packet["partition"], packet["offset"]]:
        raise ValueError("its packet is not the message where it says that it lies")
    (alert,) = fastavro.reader(io.BytesIO(packet["bytes"]))
    if (alert["objectId"], str(alert["candid"])) != (record["object"], packet["alert"]):
        raise ValueError(f"its packet is of {alert['objectId']} {alert['candid']}")
    if not alert["cutoutDifference"]["stampData"]:
        raise ValueError("its packet has no stamps")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("brokers")
    parser.add_argument("topic")
    parser.add_argument("--schema")
    parser.add_argument("--expect", type=int)
    parser.add_argument("--damaged", type=int, default=0)
    parser.add_argument("--unique")
    parser.add_argument("--carries")
    parser.add_argument("--print", nargs="*", default=[])
    asked = parser.parse_args()
    schema = fastavro.parse_schema(json.load(open(asked.schema))) if asked.schema else None
    count, damaged, packets, seen, shown = 0, 0, 0, set(), False
    sent = {}
    if asked.carries:
        sent = {(one.partition(), one.offset()): one.value() for one in messages(asked.brokers, asked.carries)}
    for message in messages(asked.brokers, asked.topic):
        count += 1
        try:
            read = values(message, schema)
            packets += sum(carried(value, sent) for value in read) if asked.carries else 0
        except Exception as error:  # noqa: BLE001: whatever a reader says of spoiled bytes
            damaged += 1
            if damaged > asked.damaged:
                sys.exit(f"{asked.topic}: message {message.partition()}@{message.offset()} cannot be read: {error}")
            continue
        for value in read:
            if asked.unique:
                key = tuple(value[field] for field in asked.unique.split(","))
                if key in seen:
                    sys.exit(f"{asked.topic}: {asked.unique} = {key} is there twice")
                seen.add(key)
            if not shown and asked.print:
                shown = True
                print("  ".join(f"{field} {value[field]}" for field in asked.print))
    if asked.expect is not None and count != asked.expect:
        sys.exit(f"{asked.topic}: {count} messages, not {asked.expect}")
    if count == 0:
        sys.exit(f"{asked.topic}: it is empty")
    if asked.carries:
        if packets == 0:
            sys.exit(f"{asked.topic}: no record carries a packet")
        print(f"{asked.topic}: {packets} of {count} records carry their packets, byte for byte")
    print(f"{asked.topic}: {count} messages, {damaged} damaged ones; 1 passed, 0 failed")


main()
