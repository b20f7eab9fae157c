"""The radio room: positions in, transport blocks out, slot by slot (`downlink.Downlink`)."""
