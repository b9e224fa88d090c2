"""What a case is: something measured on both servers in turn, and what is asked of the ratio."""
import dataclasses


@dataclasses.dataclass
class Figure:
    key: str
    label: str
    more_is_better: bool = False
    #: What the project asks for, in words for the table: "≥ 8 ×", "< 0.1".
    asked: str = ""
    #: Whether a ratio of the two servers means anything.
    has_ratio: bool = True


@dataclasses.dataclass
class Case:
    name: str
    title: str
    figures: list
    #: measure(server, tools) -> {key: number}; called in turn for each server, `tools.repetitions` times.
    measure: object
    #: prepare(server, tools), once for each server before the first measurement.
    prepare: object = None
    #: finish(server), once for each server before it is stopped.
    finish: object = None
    #: The figure whose spread over the peer's repetitions says whether the run was disturbed.
    steady: str = None
    repetitions: int = 3


@dataclasses.dataclass
class Tools:
    load: object
    #: What to multiply counts of messages with: less than 1 for a quick look.
    scale: float

    def count(self, number, least=50):
        return max(int(number * self.scale), least)
