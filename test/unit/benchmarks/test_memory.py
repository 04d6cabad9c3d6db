from __future__ import annotations

import pytest

from benchmarks.memory import Mapped, group_mib, mappings

A_LIBRARY = """\
7f0000000000-7f0000001000 r-xp 00002000 fd:00 4711 /usr/lib/some library.so
Size:               4096 kB
Rss:                {rss} kB
Pss:                 100 kB
Private_Clean:         0 kB
Private_Dirty:       {own} kB
"""
A_HEAP = """\
55d000000000-55d000001000 rw-p 00000000 00:00 0 [heap]
Rss:                2048 kB
Pss:                1024 kB
Private_Dirty:      1024 kB
VmFlags: rd wr mr mw me ac
"""


def test_every_mapping_is_read() -> None:
    found = list(mappings(A_LIBRARY.format(rss=3072, own=0) + A_HEAP))

    assert found == [
        Mapped(("4711", "00002000"), rss=3072, pss=100, own=0),
        Mapped(None, rss=2048, pss=1024, own=1024),
    ]


def test_a_library_counts_once_in_a_group_whoever_else_has_it_open() -> None:
    first, second = A_LIBRARY.format(rss=3072, own=0), A_LIBRARY.format(rss=2048, own=1024)

    assert group_mib([first]) == pytest.approx(3.0)
    assert group_mib([first, first]) == pytest.approx(3.0)
    assert group_mib([first, second]) == pytest.approx(4.0)  # and what one of them has changed


def test_memory_of_no_file_counts_in_shares() -> None:
    assert group_mib([A_HEAP, A_HEAP]) == pytest.approx(2.0)
    assert group_mib([]) == 0
