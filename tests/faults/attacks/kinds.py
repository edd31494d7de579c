"""The kinds of break that were found, and what tries each again: attacks of this folder, or tests."""

from __future__ import annotations

KINDS: dict[str, tuple[str, ...]] = {
    "a person told to be gone stays (wrong folder, lost key, kill, renamed source, free pages)": (
        "the_person_is_gone_from_every_file", "no_false_all_clear", "nothing_hides_where_nobody_looks",
        "without_the_key_nothing_is_said_to_be_gone", "a_key_in_a_folder_above_is_nobodys",
        "killed_at_some_steps", "killed_at_every_step", "a_person_behind_a_link_is_gone",
        "who_was_forgotten_is_not_forgotten", "files_for_partners_are_found",
    ),
    "an open quote of a CSV swallows rows": ("tests/tables/test_reading_laws.py",),
    "old data are told as up to date (links, parts, views)": ("what_lies_behind_a_link_is_watched",),
    "a database file of others reads files, settings or paths of this machine": (
        "a_duckdb_file_from_others_reads_nothing_else", "a_database_file_tells_nothing_of_the_machine",
        "a_version_query_only_reads", "a_dry_run_asks_nothing", "a_state_of_who_is_who_reads_nothing_else",
    ),
    "a password is published or said": (
        "a_password_is_told_nowhere", "a_password_on_the_command_line_is_not_repeated",
        "published_words_hold_no_password_and_no_place", "a_password_is_in_no_mail",
        "a_password_is_in_no_process_list",
    ),
    "who was contacted is forgotten (lost key, torn or failed list, folder of another name)": (
        "a_lost_key_contacts_nobody_again", "an_issued_list_is_never_called_failed",
        "a_torn_list_is_mended_or_set_aside", "a_list_is_not_issued_where_nobody_listens", "names_that_meet",
        "make_clean_keeps_lists", "tests/faults/test_thirty_nights.py",
        "a_memory_that_is_no_file_contacts_nobody_again", "a_clock_that_is_set_back_contacts_nobody_again",
    ),
    "the index does not know of a night that died": ("a_night_that_died_is_told", "a_killed_night"),
    "two projects, or two notebooks, in one place": ("nothing_is_overwritten_in_silence", "names_that_meet"),
    "persons on pages (first rows, free text, differences of nights, sums of one, names of files)": (
        "a_first_row_is_never_quoted", "failure_pages_tell_of_nobody",
        "free_text_shared_by_many_is_no_category", "two_nights_differ_by_nobody",
        "sums_of_one_person_are_not_shown",
        "a_wrong_source_tells_no_names_on_pages",
    ),
    "rows of killed runs stay": ("what_killed_runs_left_is_swept_by_every_command",),
    "own data or a foreign page are overwritten": ("nothing_is_overwritten_in_silence",),
    "a cell of a list runs as a formula": ("no_cell_of_a_list_is_a_formula", "a_phone_keeps_its_plus"),
    "text from data is markup or a script's name": (
        "text_from_data_is_no_markup_in_a_chart", "names_of_scripts_are_names",
        "text_from_data_is_no_markup_on_the_page_of_a_check",
        "text_from_data_is_no_markup_on_pages_in_german",
        "tests/browser/test_reports.py",
    ),
    "a hang without a limit (pipes, endless views, bombs, many groups)": (
        "what_never_ends_is_refused", "a_limit_holds_from_the_first_second", "a_view_without_an_end_is_ended",
        "what_unpacks_without_end_is_refused", "a_pipe_is_refused_wherever_a_file_is_named",
        "set_sizes_of_many_groups", "a_pipe_as_any_file_of_ours", "anything_as_any_file_of_ours",
        "a_log_that_is_no_file_ends_in_words",
        "a_limit_of_memory_binds_who_opens_the_data", "what_would_do_fits_into_its_limit",
    ),
    "trouble with the output stops the night": ("a_full_stdout_ends_a_line_and_not_the_night",),
    "a fault is told as another one": (
        "a_wrong_schedule_is_a_parameter", "what_the_system_refuses_is_a_limit",
        "no_setting_leads_elsewhere", "a_list_of_answers_is_looked_at",
    ),
    "saved files are believed (snapshots, models, notebooks, keys)": (
        "a_snapshot_is_looked_at_before_it_is_believed", "a_saved_model_is_measured_before_it_is_opened",
        "a_notebook_is_looked_at_before_it_is_believed", "the_key_file",
        "metadata_of_a_notebook_are_what_they_should_be", "facts_of_other_hands_are_passed_over",
    ),
    "a folder, pointer or state of another hand stops the index": (
        "odd_names_do_not_stop_the_index", "pointers_of_other_hands_do_not_stop_the_index",
        "states_of_other_hands_do_not_stop_the_index",
    ),
    "others on the machine read what is written": ("nobody_else_may_read_what_is_written",),
    "a logo or a colour runs or fetches": ("a_look_is_a_colour_and_a_picture",),
    "the terminal obeys a text": ("control_characters_do_not_reach_the_terminal",),
    "pages grow without end": ("pages_named_by_their_day_do_not_grow_without_end",),
    "a name adds something to a message, a mail, a monitor, an answer, a draft": (
        "a_name_adds_nothing_to_a_message", "a_name_adds_nothing_to_a_mail",
        "a_name_adds_nothing_for_a_monitor", "an_assistant_is_told_what_pages_say",
        "a_draft_of_a_mapping_is_a_draft",
    ),
    "a name leads to another place (tables, archives, notebooks)": (
        "rows_leave_to_tables_and_nowhere_else", "a_name_in_an_archive_leads_nowhere",
        "a_notebook_of_odd_names_makes_no_path",
    ),
}  # fmt: skip


def table() -> str:
    """As Markdown."""
    lines = ["| kind of break | tried again by |", "|---|---|"]
    return "\n".join(
        [*lines, *(f"| {kind} | {', '.join(f'`{n}`' for n in by)} |" for kind, by in KINDS.items())]
    )
