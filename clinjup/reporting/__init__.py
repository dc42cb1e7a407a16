"""What a run leaves behind: the journal and its verification, results.json, report.html, model_card.md."""

from clinjup.reporting.journal import Journal, JournalError
from clinjup.reporting.publish import publish
from clinjup.reporting.results import ResultsBuilder
from clinjup.reporting.verify import Verification, export_record, verify_run

__all__ = ["Journal", "JournalError", "ResultsBuilder", "Verification", "export_record", "publish", "verify_run"]
