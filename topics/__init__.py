# SPDX-License-Identifier: Apache-2.0
"""Everything that crosses Kafka: schemas, codecs, topic names and settings, clients."""

from topics.admin import Finding, check_topics, create_topics
from topics.batches import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    MIXED,
    STRING,
    Decoded,
    EventBatch,
    LabelBatch,
    Message,
    Rejected,
    Values,
    Watermark,
)
from topics.capture import Capture
from topics.codec import decode_events, decode_labels
from topics.codec_avro import Registry, RegistryUnavailable, encode_avro, schema_of
from topics.consumers import follow_reports, follow_violations
from topics.encode import encode_events, encode_labels, event_records, label_records
from topics.labels import Labels
from topics.outbox import Counts, Limits
from topics.partitioner import murmur2, partition_of
from topics.records import (
    ARROW_TYPE,
    AVRO_TYPE,
    JSON_TYPE,
    WATERMARK_TYPE,
    BaselineKey,
    DefinitionKey,
    ProfileKey,
    baseline_key,
    dead_letter,
    definition_key,
    from_json,
    parse_definitions_key,
    parse_profile_key,
    profile_key,
    to_json,
    violation_headers,
    watermark,
)
from topics.sampling import sampled
from topics.subjects import Topic, Topics
from topics.values import canonical_class

__all__ = [
    "ARROW_TYPE",
    "AVRO_TYPE",
    "BOOLEAN",
    "FLOAT",
    "INTEGER",
    "JSON_TYPE",
    "MIXED",
    "STRING",
    "WATERMARK_TYPE",
    "BaselineKey",
    "Capture",
    "Counts",
    "Decoded",
    "DefinitionKey",
    "EventBatch",
    "Finding",
    "LabelBatch",
    "Labels",
    "Limits",
    "Message",
    "ProfileKey",
    "Registry",
    "RegistryUnavailable",
    "Rejected",
    "Topic",
    "Topics",
    "Values",
    "Watermark",
    "baseline_key",
    "canonical_class",
    "check_topics",
    "create_topics",
    "dead_letter",
    "decode_events",
    "decode_labels",
    "definition_key",
    "encode_avro",
    "encode_events",
    "encode_labels",
    "event_records",
    "follow_reports",
    "follow_violations",
    "from_json",
    "label_records",
    "murmur2",
    "parse_definitions_key",
    "parse_profile_key",
    "partition_of",
    "profile_key",
    "sampled",
    "schema_of",
    "to_json",
    "violation_headers",
    "watermark",
]
