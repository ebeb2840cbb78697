"""The suite's own test: every mutant of a good store is caught by its named check, run alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from queuekit.clock import EPOCH
from queuekit.errors import QueuekitError
from queuekit.memory import open_memory
from queuekit.storage import OpenOptions, QueueMode
from queuekit_conformance import mutants
from queuekit_conformance.steps import Stage, TravellingStore, complete, discard, retry
from queuekit_conformance.suite import (
    test_capability,
    test_claim,
    test_control,
    test_door,
    test_enqueue,
    test_finish,
    test_graph,
    test_lease,
    test_payload_exact,
    test_reading,
    test_retry,
    test_start,
    test_time,
)
from queuekit_conformance.walk import Diverged, Walk, open_model


class Bite:
    """A mutant, and the check that has to catch it, with the check's parameters."""

    def __init__(
        self,
        mutant: Callable[[TravellingStore], mutants.Mutant],
        check: Callable[..., None],
        **parameters: Any,
    ) -> None:
        self.mutant, self.check, self.parameters = mutant, check, parameters

    def __str__(self) -> str:
        return f"{self.mutant.__name__} by {self.check.__name__}"

    def passes(self, store: object) -> bool:
        """Whether the check finds nothing wrong."""
        try:
            self.check(store=store, **self.parameters)
        except (AssertionError, pytest.fail.Exception, QueuekitError):
            return False
        return True


BITES = [
    Bite(
        mutants.AbsentModeAccepted,
        test_door.test_an_absent_queue_mode_is_refused,
        mode=QueueMode.FAIR,
    ),
    Bite(mutants.PriorityInverted, test_claim.test_higher_priority_comes_first),
    Bite(mutants.PriorityAsText, test_claim.test_priorities_are_compared_as_numbers),
    Bite(mutants.OrderReversed, test_claim.test_what_was_sent_first_comes_first),
    Bite(mutants.OrderReversed, test_enqueue.test_seq_follows_list_order),
    Bite(mutants.BatchNotAtomic, test_enqueue.test_a_conflict_refuses_the_whole_batch),
    Bite(mutants.BatchNotAtomic, test_enqueue.test_an_invalid_job_refuses_the_whole_batch),
    Bite(mutants.BatchNotAtomic, test_graph.test_a_missing_parent_refuses_the_whole_batch),
    Bite(
        mutants.ConflictIgnored,
        test_enqueue.test_a_known_id_with_other_content_is_a_conflict,
        field="payload",
    ),
    Bite(
        mutants.DelayResolvedByClient, test_enqueue.test_a_repeat_is_recognised_when_time_has_passed
    ),
    Bite(
        mutants.InstantsCutToSeconds,
        test_time.test_instants_are_kept_to_the_microsecond,
        instant=EPOCH + test_time.MICROSECOND,
    ),
    Bite(mutants.InstantsCutToSeconds, test_claim.test_a_microsecond_earlier_is_earlier),
    Bite(mutants.ExpiryDropped, test_claim.test_an_expired_job_never_runs),
    Bite(mutants.ExpiryDropped, test_control.test_expired_jobs_are_swept),
    Bite(mutants.ExpiryDropped, test_start.test_an_expired_reservation_does_not_start),
    Bite(
        mutants.PayloadNormalised,
        test_payload_exact.test_a_payload_is_opaque,
        payload=test_payload_exact.PAYLOADS["composed"],
    ),
    Bite(
        mutants.PayloadParsed,
        test_payload_exact.test_a_payload_is_opaque,
        payload=test_payload_exact.PAYLOADS["a key twice"],
    ),
    Bite(
        mutants.PayloadParsed,
        test_payload_exact.test_a_payload_is_opaque,
        payload=test_payload_exact.PAYLOADS["floats"],
    ),
    Bite(mutants.PayloadCut, test_payload_exact.test_a_long_text_is_not_cut, length=65_536),
    Bite(mutants.TagsSorted, test_payload_exact.test_tags_keep_their_order),
    Bite(
        mutants.AbsentAbilityIgnored,
        test_capability.test_an_absent_ability_is_refused_at_enqueue,
        ability="unique",
        asks=test_capability.ASKS["unique"][0][1],
    ),
    Bite(
        mutants.AbsentAbilityRefusedLate,
        test_capability.test_an_absent_ability_is_refused_at_enqueue,
        ability="unique",
        asks=test_capability.ASKS["unique"][0][1],
    ),
    Bite(mutants.OneMoreThanAsked, test_claim.test_never_more_than_asked),
    Bite(mutants.ReserveStarts, test_claim.test_a_reserved_job_has_no_attempt_counted),
    Bite(mutants.ReserveStarts, test_claim.test_the_best_are_started_and_the_next_reserved),
    Bite(mutants.LeaseTooShort, test_lease.test_a_live_lease_is_not_rescued),
    Bite(mutants.LeaseTooLong, test_lease.test_a_lease_that_ran_out_is_rescued),
    Bite(mutants.QueuesIgnored, test_claim.test_only_the_queues_asked_for),
    Bite(mutants.NonceIgnored, test_claim.test_a_repeated_claim_gives_the_same_answer),
    Bite(mutants.NonceIgnored, test_claim.test_a_token_is_fence_and_nonce),
    Bite(mutants.QueueCaseBlind, test_claim.test_queue_names_match_exactly, asked="mail"),
    Bite(mutants.QueuePrefix, test_claim.test_queue_names_match_exactly, asked="mai"),
    Bite(mutants.AnswerUnsorted, test_claim.test_earlier_due_comes_first),
    Bite(mutants.NextDueOfAllQueues, test_claim.test_next_due_looks_only_at_the_queues_asked_for),
    Bite(mutants.PauseIgnored, test_control.test_a_paused_queue_gives_nothing),
    Bite(mutants.ResumeAll, test_control.test_a_resumed_queue_gives_again),
    Bite(
        mutants.FinishByIdAlone, test_finish.test_a_stale_token_finishes_nothing, resolution=retry()
    ),
    Bite(
        mutants.FinishByIdAlone,
        test_lease.test_a_rescued_token_finishes_nothing,
        resolution=complete(),
    ),
    Bite(mutants.StartByIdAlone, test_start.test_a_stale_token_starts_nothing, wrong="nonce"),
    Bite(
        mutants.StartByIdAlone,
        test_start.test_a_rescued_reservation_cannot_be_started_by_its_old_holder,
    ),
    Bite(mutants.ProgressByIdAlone, test_lease.test_a_rescued_token_reports_no_progress),
    Bite(mutants.ExtendByIdAlone, test_lease.test_a_rescued_token_extends_nothing),
    Bite(
        mutants.RescuerTakesTheBlame,
        test_lease.test_a_lost_attempt_names_the_worker_that_started_it,
    ),
    Bite(mutants.StaleExtendAccepted, test_lease.test_a_rescued_token_extends_nothing),
    Bite(mutants.StaleExtendAccepted, test_lease.test_each_lease_of_a_heartbeat_answers_for_itself),
    Bite(mutants.ExtendForgotten, test_lease.test_a_heartbeat_moves_the_end_of_the_lease),
    Bite(mutants.LeaseNeverExpires, test_lease.test_a_lease_that_ran_out_is_rescued),
    Bite(mutants.RescueTakesAll, test_lease.test_the_oldest_lease_is_rescued_first),
    Bite(mutants.RescueSaysStarted, test_lease.test_a_rescued_reservation_costs_no_attempt),
    Bite(mutants.CancelNotCarried, test_lease.test_a_heartbeat_carries_cancels_of_the_held_jobs),
    Bite(mutants.LeaveForgetsNothing, test_lease.test_a_worker_that_leaves_is_forgotten),
    Bite(mutants.ExpiredLeaseRefused, test_lease.test_an_unrescued_lease_still_holds),
    Bite(mutants.ResultLost, test_finish.test_a_completed_job_keeps_its_result),
    Bite(mutants.ReasonLost, test_finish.test_a_discarded_job_keeps_its_reason),
    Bite(mutants.RetryDelayDropped, test_retry.test_a_failed_job_waits_for_its_delay),
    Bite(mutants.ReleaseCountsAttempt, test_retry.test_a_released_job_gives_the_attempt_back),
    Bite(mutants.ReleaseLosesPlace, test_retry.test_a_released_job_keeps_its_place),
    Bite(mutants.TracebackLost, test_finish.test_history_keeps_an_ended_attempt),
    Bite(
        mutants.RepeatIsLost,
        test_finish.test_the_same_finish_again_is_done_once,
        resolution=complete(),
    ),
    Bite(
        mutants.AnyRepeatIsDone,
        test_finish.test_a_spent_token_takes_no_other_outcome,
        first=complete(),
    ),
    Bite(mutants.AttemptCountedAtFinish, test_claim.test_a_started_job_has_its_attempt_counted),
    Bite(mutants.HistoryKeepsTheLast, test_finish.test_history_is_told_first_to_last),
    Bite(
        mutants.CancelForgotten, test_control.test_a_cancelled_job_never_runs, stage=Stage.AVAILABLE
    ),
    Bite(
        mutants.CancelKillsRunning,
        test_control.test_a_verb_says_what_it_did,
        verb="cancel",
        stage=Stage.STARTED,
    ),
    Bite(
        mutants.DiscardActsOnRunning,
        test_control.test_a_verb_in_the_wrong_state_leaves_no_mark,
        verb="discard",
        stage=Stage.STARTED,
    ),
    Bite(mutants.RerunForgetsHistory, test_control.test_a_rerun_is_a_fresh_round),
    Bite(mutants.AmendForgetsPriority, test_control.test_a_new_priority_decides_the_order),
    Bite(mutants.PurgeIgnoresQueue, test_control.test_a_purge_keeps_to_its_queue),
    Bite(mutants.PurgeUnbounded, test_control.test_a_purge_is_bounded),
    Bite(mutants.PruneDeletesRunning, test_control.test_a_prune_keeps_to_its_states),
    Bite(
        mutants.PruneIgnoresAge,
        test_control.test_a_prune_deletes_old_final_jobs,
        stage=Stage.COMPLETED,
    ),
    Bite(mutants.ExpireUnbounded, test_control.test_expired_jobs_are_swept),
    Bite(mutants.ChildrenWaitForNothing, test_graph.test_a_child_waits_for_its_parent),
    Bite(mutants.ChildrenReleasedByTheFirst, test_graph.test_a_child_waits_for_all_its_parents),
    Bite(mutants.ChildrenNeverReleased, test_graph.test_a_child_waits_for_its_parent),
    Bite(
        mutants.PolicyIgnored,
        test_graph.test_a_child_is_cancelled_when_its_parent_does_not_complete,
        resolution=discard(),
    ),
    Bite(mutants.UnarmedRuns, test_graph.test_an_unarmed_job_waits_to_be_armed),
    Bite(mutants.OldestFirst, test_reading.test_lists_come_newest_first),
    Bite(mutants.PageLosesOne, test_reading.test_pages_list_each_job_once, size=3),
    Bite(mutants.CountAlwaysExact, test_reading.test_a_count_stops_at_its_bound),
    Bite(mutants.TagsMatchedAsText, test_reading.test_a_tag_is_found_among_many),
    Bite(mutants.TwoClocks, test_time.test_a_store_that_has_travelled_stamps_its_own_time),
]


def good_store() -> TravellingStore:
    """The store that every mutant is made of."""
    return cast(TravellingStore, open_memory("memory://", OpenOptions(testing=True)))


@pytest.mark.parametrize("bite", BITES, ids=str)
def test_a_good_store_passes_the_named_check(bite: Bite) -> None:
    """A check that fails on everything catches nothing."""
    assert bite.passes(good_store())


def test_every_mutant_is_caught_by_its_named_check(capsys: pytest.CaptureFixture[str]) -> None:
    alive = [str(bite) for bite in BITES if bite.passes(bite.mutant(good_store()))]
    names = {bite.mutant.__name__ for bite in BITES}
    caught = names - {name.split()[0] for name in alive}
    with capsys.disabled():
        print(f"\n{len(names)} mutants, {len(caught)} caught")
    assert alive == []


def test_every_mutant_has_a_named_check() -> None:
    """A mutant that nothing names is a promise that nobody keeps."""
    bases = {cls for cls in vars(mutants).values() if isinstance(cls, type)}
    concrete = {
        cls.__name__
        for cls in bases
        if issubclass(cls, mutants.Mutant) and not any(cls in other.__bases__ for other in bases)
    }
    assert concrete == {bite.mutant.__name__ for bite in BITES}


# ---------------------------------------------------------------- the walk's teeth


WALKED = [
    mutants.PriorityInverted,
    mutants.OneMoreThanAsked,
    mutants.FinishByIdAlone,
    mutants.RetryDelayDropped,
    mutants.PauseIgnored,
    mutants.ResumeAll,
    mutants.CancelForgotten,
    mutants.ChildrenReleasedByTheFirst,
    mutants.ReleaseLosesPlace,
    mutants.StaleExtendAccepted,
    mutants.LeaseTooLong,
    mutants.ExpiryDropped,
]


@pytest.mark.parametrize("mutant", WALKED, ids=lambda mutant: mutant.__name__)
def test_the_walk_catches_it_too(mutant: Callable[[TravellingStore], mutants.Mutant]) -> None:
    """The walk looks for what nobody thought of; here is that it sees what somebody did."""

    def diverges(seed: int) -> bool:
        store = good_store()
        try:
            Walk(cast(TravellingStore, mutant(store)), open_model(), seed).run(120)
        except Diverged:
            return True
        return False

    assert any(diverges(seed) for seed in range(25))


def test_a_walk_is_its_seed() -> None:
    """The same seed takes the same steps, so that a printed seed is a replay."""
    trails = []
    for _ in range(2):
        walk = Walk(good_store(), open_model(), 7)
        walk.run(60)
        trails.append(walk.trail)
    assert trails[0] == trails[1]
