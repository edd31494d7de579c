"""Every report of the catalogue: the one list from which each lane takes its reports."""

from __future__ import annotations

from pathlib import Path

from crm_analytics.runs.catalogue.catalogue import Report, read_report, report_files

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
REPORTS: dict[str, Report] = {
    name: report
    for name, path in report_files(ROOT).items()
    if (report := read_report(path)).is_report and path.parent == NOTEBOOKS
}
PATHS: list[str] = [str(report.path) for report in REPORTS.values()]
