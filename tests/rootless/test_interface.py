"""What the interface promises holds for a server of an ordinary user too: the same tests, and another server."""

# ruff: noqa: F401

from tests.api.test_execute import (
    test_answer_is_whole,
    test_arguments_of_a_source,
    test_cancel_with_a_grace_period_lets_the_program_end_by_itself,
    test_collected_files_come_back,
    test_limits_hold_in_the_grace_period,
    test_output_is_lossless,
    test_sixty_runs_at_once_all_answer,
    test_usage_is_whole_for_a_killed_run_too,
    test_what_a_compiler_left_and_does_not_fit_is_an_answer,
)
from tests.api.test_stream import (
    test_attach,
    test_both_phases_are_told,
    test_conversation,
    test_events_in_order,
    test_logs_of_a_run_that_has_ended,
    test_signal,
    test_tty,
    test_tty_control_c_interrupts,
    test_waiting_for_stdin_whichever_way,
)
