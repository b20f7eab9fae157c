"""The tables of a run: names, types, units and meaning of every column.

The units and descriptions travel inside each Parquet file as metadata of the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

from ..errors import MobaigcError

STATUSES = ("delivered", "partial", "failed")
CAUSES = ("deadline", "harq", "rlf", "handover", "buffer", "generation", "left")


class ResultsError(MobaigcError):
    """A run folder or a record that is not what the tables promise."""


@dataclass(frozen=True)
class Column:
    """One column; `unit` is empty for names and counts, `allowed` lists the texts it may hold (empty: any)."""

    name: str
    type: pa.DataType
    unit: str
    description: str
    allowed: tuple[str, ...] = ()

    def field(self) -> pa.Field:
        """The arrow field, with unit and description as metadata."""
        return pa.field(self.name, self.type, False, {"unit": self.unit, "description": self.description})


@dataclass(frozen=True)
class Table:
    """One table, which is also the probe topic its records are published under."""

    name: str
    description: str
    columns: tuple[Column, ...]

    def schema(self) -> pa.Schema:
        """The arrow schema, metadata included."""
        return pa.schema([c.field() for c in self.columns], {"table": self.name, "description": self.description})


_I64, _I32, _F64, _STR, _BOOL = pa.int64(), pa.int32(), pa.float64(), pa.string(), pa.bool_()
_NONE = "-1 where it never happened"

REQUESTS = Table(
    "requests",
    "One row a request, written when it is finished.",
    (
        Column("request", _I64, "", "Number of the request, counted over the run."),
        Column("ue", _I64, "", "User that asked."),
        Column("prompt", _STR, "", "Text the images were generated from."),
        Column("seed", _I64, "", "Seed of the first image; that of image i is i more."),
        Column("images", _I32, "", "Images asked for."),
        Column("keep", _F64, "1", "Share of the patches that was offered to the radio; NaN where nothing was."),
        Column("arrival_ns", _I64, "ns", "Time at which the user asked."),
        Column("generated_ns", _I64, "ns", f"Time at which the images were generated; {_NONE}."),
        Column("first_byte_ns", _I64, "ns", f"Time at which the first byte was acknowledged; {_NONE}."),
        Column("completed_ns", _I64, "ns", f"Time at which every offered byte was acknowledged; {_NONE}."),
        Column("finished_ns", _I64, "ns", "Completion or deadline, whichever came first."),
        Column("deadline_ns", _I64, "ns", "Time after which nothing new is sent for the request."),
        Column("status", _STR, "", f"One of {', '.join(STATUSES)}.", STATUSES),
        Column("cause", _STR, "", f"Why it is not delivered: {', '.join(CAUSES)}; empty if it is.", ("", *CAUSES)),
        Column("offered_bytes", _I64, "B", "Bytes handed to the radio for the request."),
        Column(
            "delivered_bytes",
            _I64,
            "B",
            "Offered bytes of packets acknowledged whole by the end; HARQ feedback takes its delay.",
        ),
        Column("dropped_bytes", _I64, "B", "Offered bytes that were given up."),
        Column("whole_bytes", _I64, "B", "Bytes of the same images sent whole in the reference codec."),
        Column("s", _F64, "1", "Semantic similarity of recovered and original images; NaN where failed."),
        Column("q", _F64, "1", "Learned quality score of the recovered images; NaN where failed."),
        Column(
            "jpsq", _F64, "1", "Joint score, mean over the images asked for; an image that cannot be shown counts 0."
        ),
        Column("psnr_db", _F64, "dB", "Peak signal-to-noise ratio of recovered against original images."),
        Column("ssim", _F64, "1", "Structural similarity of recovered and original images."),
        Column("recover_ns", _I64, "ns", "Time the device takes to recover the images; 0 where nothing was recovered."),
    ),
)

SLOTS = Table(
    "slots",
    "One row a slot.",
    (
        Column("slot", _I64, "", "Number of the slot."),
        Column("time_ns", _I64, "ns", "Start of the slot."),
        Column("active_ues", _I32, "", "Users with data waiting."),
        Column("prb_free", _I32, "", "Resource blocks that carried nothing; with `prb_used` this is the whole band."),
        Column("prb_used", _I32, "", "Resource blocks that carried data, retransmissions included."),
        Column("bits_sent", _I64, "bit", "Transport block bits sent, retransmissions included."),
        Column("bits_acked", _I64, "bit", "Transport block bits decoded for the first time."),
        Column("queued_bytes", _I64, "B", "Bytes waiting in all buffers at the end of the slot."),
    ),
)

TRANSPORT_BLOCKS = Table(
    "transport_blocks",
    "One row a transmission of a transport block.",
    (
        Column("slot", _I64, "", "Number of the slot."),
        Column("time_ns", _I64, "ns", "Start of the slot."),
        Column("ue", _I64, "", "User it was sent to."),
        Column("cell", _I32, "", "Cell that sent it."),
        Column("tb", _I64, "", "Number of the transport block, the same in all its transmissions, unique for a user."),
        Column("harq_process", _I32, "", "HARQ process that carries it."),
        Column("transmission", _I32, "", "1 for the first transmission of the block, 2 and more for repetitions."),
        Column("mcs_index", _I32, "", "Index into the MCS table in use."),
        Column("n_prb", _I32, "", "Resource blocks it takes."),
        Column("tb_size_bits", _I64, "bit", "Transport block size."),
        Column("sinr_eff_db", _F64, "dB", "Effective SINR of the decision, earlier transmissions combined."),
        Column("bler", _F64, "1", "Block error probability of this transmission."),
        Column("ack", _BOOL, "", "Whether the receiver decoded it."),
    ),
)

USERS = Table(
    "users",
    "One row a user and sampling time.",
    (
        Column("time_ns", _I64, "ns", "Sampling time."),
        Column("ue", _I64, "", "User."),
        Column("x_m", _F64, "m", "Position, east of the origin."),
        Column("y_m", _F64, "m", "Position, north of the origin."),
        Column("speed_mps", _F64, "m/s", "Speed."),
        Column("cell", _I32, "", "Serving cell; -1 while out of service."),
        Column(
            "los", _BOOL, "", "Whether the site of the serving cell, or of the last or next one, is in line of sight."
        ),
        Column("gain_db", _F64, "dB", "Large-scale gain to that cell: antenna, path loss, penetration and shadowing."),
        Column("sinr_db", _F64, "dB", "SINR, mean over the resource blocks; NaN while out of service."),
    ),
)

EVENTS = Table(
    "events",
    "One row a packet that HARQ and RLC gave up (`packet_lost`), and one row a change of a user's connection: "
    "`entered`, `left`, `handover`, `handover_done`, `handover_failed`, `rlf`, `reestablished`.",
    (
        Column("time_ns", _I64, "ns", "When."),
        Column("kind", _STR, "", "What happened."),
        Column("ue", _I64, "", "User concerned; -1 for none."),
        Column("request", _I64, "", "Request concerned; -1 for none."),
        Column("detail", _STR, "", "More, in words."),
    ),
)

FILES = Table(
    "files",
    "One row a file of the background traffic, written when it is finished or the run ends.",
    (
        Column("ue", _I64, "", "User who received it."),
        Column("size_bytes", _I64, "B", "Size."),
        Column("arrival_ns", _I64, "ns", "Time at which it was there to be sent."),
        Column("completed_ns", _I64, "ns", f"Time at which its last byte was acknowledged; {_NONE}."),
    ),
)

TABLES: MappingProxyType[str, Table] = MappingProxyType(
    {t.name: t for t in (REQUESTS, SLOTS, TRANSPORT_BLOCKS, USERS, EVENTS, FILES)}
)
