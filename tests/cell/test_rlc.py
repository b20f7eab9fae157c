"""The buffer of one user: bytes are conserved whatever is pulled, acknowledged, lost or dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.cell.request import Fate, Packet, Request
from mobaigc_sim.cell.rlc import SEGMENT_HEADER_BYTES, TransmitBuffer


def request_of(*sizes: int) -> Request:
    request = Request(0, 0, "a fox", (1,), 0, 10)
    request.packets = [Packet(request, 0, i, bytes(n)) for i, n in enumerate(sizes)]
    return request


def test_packets_leave_in_order_and_are_cut_to_fit() -> None:
    request = request_of(10, 20)
    buffer = TransmitBuffer("am", 4)
    buffer.put(request.packets)
    first = buffer.pull(SEGMENT_HEADER_BYTES + 6)
    assert [(s.packet.level, s.size_bytes) for s in first] == [(0, 6)]
    second = buffer.pull(2 * SEGMENT_HEADER_BYTES + 4 + 5)
    assert [(s.packet.level, s.size_bytes) for s in second] == [(0, 4), (1, 5)]
    assert buffer.queued_bytes == 15


def test_a_block_that_holds_no_byte_beside_the_header_stays_empty() -> None:
    buffer = TransmitBuffer("am", 4)
    buffer.put(request_of(10).packets)
    assert buffer.pull(SEGMENT_HEADER_BYTES) == []
    assert buffer.queued_bytes == 10


def test_backlog_is_what_empties_the_buffer_in_one_block() -> None:
    buffer = TransmitBuffer("am", 4)
    buffer.put(request_of(10, 20, 30).packets)
    buffer.pull(buffer.backlog_bits // 8)
    assert buffer.backlog_bits == 0


def test_acknowledged_mode_sends_lost_bytes_again_and_gives_up_after_max_retx() -> None:
    request = request_of(10)
    buffer = TransmitBuffer("am", 2)
    buffer.put(request.packets)
    for _ in range(2):
        assert buffer.lose(buffer.pull(100)) == []
        assert buffer.queued_bytes == 10
    assert buffer.lose(buffer.pull(100)) == request.packets
    assert request.packets[0].fate is Fate.DROPPED
    assert buffer.queued_bytes == 0


def test_a_lost_block_goes_back_in_the_order_it_had() -> None:
    request = request_of(10, 20, 30)
    buffer = TransmitBuffer("am", 4)
    buffer.put(request.packets)
    buffer.lose(buffer.pull(100))
    assert [s.packet.level for s in buffer.pull(100)] == [0, 1, 2]


def test_a_base_that_is_given_up_takes_its_image_with_it() -> None:
    request = request_of(10, 20)
    other = Packet(request, 1, 0, bytes(5))
    request.packets.append(other)
    buffer = TransmitBuffer("um", 0)
    buffer.put(request.packets)
    lost = buffer.pull(SEGMENT_HEADER_BYTES + 4)
    assert set(buffer.lose(lost)) == {request.packets[0], request.packets[1]}
    assert buffer.queued_bytes == 5
    assert other.fate is Fate.WAITING


def test_unacknowledged_mode_gives_up_at_once_and_forgets_the_rest_of_the_packet() -> None:
    request = request_of(3, 10, 7)
    buffer = TransmitBuffer("um", 9)
    buffer.put(request.packets)
    buffer.acknowledge(buffer.pull(SEGMENT_HEADER_BYTES + 3))
    lost = buffer.pull(SEGMENT_HEADER_BYTES + 4)
    assert buffer.lose(lost) == [request.packets[1]]
    assert buffer.queued_bytes == 7


def test_what_a_change_of_cells_takes_off_the_air_costs_no_retransmission() -> None:
    request = request_of(10, 20)
    buffer = TransmitBuffer("um", 0)
    buffer.put(request.packets)
    blocks = [buffer.pull(SEGMENT_HEADER_BYTES + n) for n in (4, 6, 15)]
    for block in reversed(blocks):
        buffer.take_back(block)
    assert buffer.queued_bytes == 30
    assert [p.retransmissions for p in request.packets] == [0, 0]
    assert [(s.packet.level, s.size_bytes) for s in buffer.pull(100)] == [(0, 10), (1, 20)]


def test_what_is_given_up_is_not_taken_back() -> None:
    request = request_of(10)
    buffer = TransmitBuffer("am", 4)
    buffer.put(request.packets)
    block = buffer.pull(100)
    buffer.drop(request)
    buffer.take_back(block)
    assert buffer.head is None and buffer.queued_bytes == 0


def test_a_limit_refuses_what_does_not_fit_and_lets_smaller_packets_in() -> None:
    request = request_of(10, 50, 20)
    buffer = TransmitBuffer("am", 4, limit_bytes=30)
    assert buffer.put(request.packets) == [request.packets[1]]
    assert request.packets[1].fate is Fate.DROPPED
    assert buffer.queued_bytes == 30


def test_bytes_under_way_do_not_count_against_the_limit() -> None:
    first, second = request_of(30), request_of(30)
    buffer = TransmitBuffer("am", 4, limit_bytes=30)
    assert buffer.put(first.packets) == []
    buffer.pull(SEGMENT_HEADER_BYTES + 29)
    assert buffer.put(second.packets) == second.packets
    third = request_of(29)
    assert buffer.put(third.packets) == []


def test_an_image_whose_base_does_not_fit_is_refused_whole_and_the_others_are_not() -> None:
    request = Request(0, 0, "a fox", (1, 2), 0, 10)
    request.packets = [
        Packet(request, i, level, bytes(n)) for i, level, n in [(0, 0, 40), (1, 0, 9), (0, 1, 1), (1, 1, 1)]
    ]
    buffer = TransmitBuffer("am", 4, limit_bytes=30)
    assert buffer.put(request.packets) == [request.packets[0], request.packets[2]]
    assert buffer.queued_bytes == 10


@pytest.mark.parametrize("mode", ["am", "um"])
@given(data=st.data())
def test_every_offered_byte_ends_as_delivered_or_dropped(mode: str, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 60), min_size=1, max_size=6))
    request = request_of(*sizes)
    buffer = TransmitBuffer(mode, data.draw(st.integers(0, 3)))  # type: ignore[arg-type]
    buffer.put(request.packets)
    in_flight = []
    for _ in range(data.draw(st.integers(0, 30))):
        if in_flight and data.draw(st.booleans()):
            segments = in_flight.pop(data.draw(st.integers(0, len(in_flight) - 1)))
            data.draw(st.sampled_from([buffer.acknowledge, buffer.lose, buffer.take_back]))(segments)
        else:
            in_flight.append(buffer.pull(data.draw(st.integers(1, 80))))
        for packet in request.packets:
            flying = sum(s.size_bytes for block in in_flight for s in block if s.packet is packet)
            if packet.fate is Fate.WAITING:
                assert packet.unsent_bytes + flying + packet.acked_bytes == packet.size_bytes
        waiting = [p for p in request.packets if p.fate is Fate.WAITING]
        assert buffer.queued_bytes == sum(p.unsent_bytes for p in waiting)
    buffer.drop(request)
    assert request.delivered_bytes + request.dropped_bytes == request.offered_bytes == sum(sizes)
    assert buffer.head is None
