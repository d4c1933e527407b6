"""The pieces that wait, the earliest first, in the arrays that policies read."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kairos_cli.policies.state import Waiting
from kairos_cli.router.work import Piece, Query

_ROOM = 64


class WaitingLine:
    """A line of pieces by time of arrival; `view` is what a policy sees of it."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._size = np.empty(_ROOM, np.int64)
        self._arrival_ms = np.empty(_ROOM)

    def __len__(self) -> int:
        return len(self.pieces)

    def view(self) -> Waiting:
        """Return sizes and arrivals; good until the line changes."""
        return Waiting(self._size[: len(self.pieces)], self._arrival_ms[: len(self.pieces)])

    def add(self, piece: Piece) -> None:
        """Let a piece wait where its arrival puts it: at the end, unless it comes back from a lost server."""
        number, arrival_ms = len(self.pieces), piece.query.arrival_ms
        if number == len(self._size):
            self._size = np.resize(self._size, 2 * number)
            self._arrival_ms = np.resize(self._arrival_ms, 2 * number)
        place = number
        while place and self._arrival_ms[place - 1] > arrival_ms:
            place -= 1
        self._size[place + 1 : number + 1] = self._size[place:number]
        self._arrival_ms[place + 1 : number + 1] = self._arrival_ms[place:number]
        self.pieces.insert(place, piece)
        self._size[place], self._arrival_ms[place] = piece.size, arrival_ms

    def replace(self, place: int, piece: Piece) -> None:
        """Put the rest of a piece in its place."""
        self.pieces[place] = piece
        self._size[place] = piece.size

    def remove(self, places: Iterable[int]) -> None:
        """Take the pieces at some places out."""
        for place in sorted(places, reverse=True):
            del self.pieces[place]
            number = len(self.pieces)
            self._size[place:number] = self._size[place + 1 : number + 1]
            self._arrival_ms[place:number] = self._arrival_ms[place + 1 : number + 1]

    def remove_query(self, query: Query) -> bool:
        """Take all pieces of a query out; return whether there were any."""
        places = [place for place, piece in enumerate(self.pieces) if piece.query is query]
        self.remove(places)
        return bool(places)
