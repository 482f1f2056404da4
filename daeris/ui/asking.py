"""Small things that a page wants to know: questions are collected, and asked by one query when an answer is needed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet

# How the rows of a question come as one value, in their order.
GATHERED = {"postgresql": "JSONB_AGG(JSONB_BUILD_ARRAY({}))", "sqlite": "JSON_GROUP_ARRAY(JSON_ARRAY({}))"}


@dataclass(frozen=True, slots=True)
class HowMany:
    """How many rows, counted no further than `most`."""

    rows: "QuerySet[Any, Any]"
    most: int | None = None

    def compiled(self) -> tuple[str, Sequence[Any]]:
        keys = self.rows.order_by().values("pk")
        sql, params = _compiled(keys if self.most is None else keys[: self.most])
        return f"SELECT COUNT(*) FROM ({sql}) counted", params  # noqa: S608 - Django wrote the question

    def read(self, value: Any) -> int:
        return value or 0


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The key of the first row, in the order of the rows; None without any."""

    rows: "QuerySet[Any, Any]"

    def compiled(self) -> tuple[str, Sequence[Any]]:
        return _compiled(self.rows.values("pk")[:1])

    def read(self, value: Any) -> Any:
        return value


@dataclass(frozen=True, slots=True)
class Columns:
    """These columns of the rows, or of the first `most`, in their order: numbers and texts, which JSON can carry."""

    rows: "QuerySet[Any, Any]"
    names: tuple[str, ...]
    most: int | None = None

    def compiled(self) -> tuple[str, Sequence[Any]]:
        sql, params = _compiled(self.rows.values_list(*self.names)[: self.most])
        columns = ", ".join(f"c{number}" for number in range(len(self.names)))
        gathered = GATHERED[connections[self.rows.db].vendor].format(columns)
        return f"WITH found({columns}) AS ({sql}) SELECT {gathered} FROM found", params  # noqa: S608 - as above

    def read(self, value: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in json.loads(value or "[]")]


Question = HowMany | FirstKey | Columns


@dataclass(slots=True)
class Questions:
    """Asked together: `answer = questions.ask(HowMany(rows))`, and `answer.value` when everything has been asked."""

    pending: "list[Answer]" = field(default_factory=list)

    def ask(self, question: Question) -> "Answer":
        answer = Answer(self, question)
        self.pending.append(answer)
        return answer

    def settle(self) -> None:
        """Answer all that was asked since the last time."""
        pending, self.pending = self.pending, []
        found = answers({str(number): answer.question for number, answer in enumerate(pending)})
        for number, answer in enumerate(pending):
            answer.found = [found[str(number)]]


@dataclass(slots=True)
class Answer:
    """What one question will have for an answer."""

    questions: Questions
    question: Question
    found: list[Any] = field(default_factory=list)

    @property
    def value(self) -> Any:
        if not self.found:
            self.questions.settle()
        return self.found[0]


def answers(questions: Mapping[str, Question]) -> dict[str, Any]:
    """The answers to several questions, by one query; none where nothing is asked of the database."""
    found = {name: question.read(None) for name, question in questions.items()}
    parts: list[tuple[str, str, Sequence[Any]]] = []
    for name, question in questions.items():
        try:
            parts.append((name, *question.compiled()))
        except EmptyResultSet:
            continue
    if not parts:
        return found
    connection = connections[next(iter(questions.values())).rows.db]
    with connection.cursor() as cursor:
        columns = ", ".join(f"({sql})" for _, sql, _ in parts)
        cursor.execute(f"SELECT {columns}", [param for *_, params in parts for param in params])
        row = cursor.fetchone()
    return found | {name: questions[name].read(value) for (name, *_), value in zip(parts, row, strict=True)}


def _compiled(rows: "QuerySet[Any, Any]") -> tuple[str, Sequence[Any]]:
    sql, params = rows.query.get_compiler(rows.db).as_sql()
    return sql, params
