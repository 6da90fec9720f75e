"""[[subject]]: subject or subjects, customer, from, until; optional key and version (see `head`)."""

from __future__ import annotations

from tieout.contract.reading.head import Head, read_subjects
from tieout.contract.reading.table import TableReader
from tieout.contract.subject import SubjectMapping
from tieout.kernel.ids import CustomerId, Subject
from tieout.kernel.limits import SUBJECT_LENGTH_MAX


def read_subject(reader: TableReader, head: Head) -> SubjectMapping:
    """`until` is exclusive and after `from`."""
    subjects = read_subjects(reader)
    for subject in subjects:
        if len(subject) > SUBJECT_LENGTH_MAX:
            reader.problem("subject", f"{subject[:40]!r}... is longer than {SUBJECT_LENGTH_MAX} characters")
    end = reader.optional_instant("until")
    if end is not None and end < head.effective_from:
        reader.problem("until", "is before from")
    return SubjectMapping(
        key=head.key,
        version=head.version,
        effective_from=head.effective_from,
        customer=CustomerId(reader.text("customer")),
        subjects=tuple(Subject(subject) for subject in subjects),
        end=end,
        digest=head.digest,
    )
