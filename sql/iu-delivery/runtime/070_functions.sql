-- 070: the functions of live delivery. Repeatable, as 070 of the core.
select public.fn_iu_step_require('iu-delivery', '030_queue');

\ir ../objects/access.sql

-- Targets.
\ir ../objects/targets/tables.sql
\ir ../objects/targets/trg_iu_delivery_target.sql
\ir ../objects/targets/fn_iu_server_timeline.sql
\ir ../objects/targets/fn_iu_target_tokens.sql
\ir ../objects/targets/fn_iu_target_require.sql
\ir ../objects/targets/fn_iu_target_sender_require.sql
\ir ../objects/targets/fn_iu_target_state_lock.sql
\ir ../objects/targets/fn_iu_target_state_now.sql
\ir ../objects/targets/fn_iu_target_state_store.sql
\ir ../objects/targets/fn_iu_target_refusal.sql
\ir ../objects/targets/fn_iu_target_breaker.sql

-- Promotions.
\ir ../objects/promotions/tables.sql
\ir ../objects/promotions/fn_iu_login_require.sql
\ir ../objects/promotions/fn_iu_deployment.sql
\ir ../objects/promotions/fn_iu_promotion_configuration.sql
\ir ../objects/promotions/fn_iu_promotion_refusal.sql
\ir ../objects/promotions/fn_iu_route_demote_apply.sql

-- Deliveries.
\ir ../objects/deliveries/tables.sql
\ir ../objects/deliveries/fn_iu_delivery_shard.sql
\ir ../objects/deliveries/fn_iu_delivery_in_canary.sql
\ir ../objects/deliveries/fn_iu_delivery_key.sql
\ir ../objects/deliveries/fn_iu_delivery_body.sql
\ir ../objects/deliveries/fn_iu_delivery_headers.sql
\ir ../objects/deliveries/fn_iu_delivery_isolation_require.sql
\ir ../objects/deliveries/fn_iu_delivery_limit_require.sql
\ir ../objects/deliveries/fn_iu_delivery_claim_content.sql
\ir ../objects/deliveries/fn_iu_delivery_outcome_content.sql
\ir ../objects/deliveries/fn_iu_delivery_decision_content.sql
\ir ../objects/deliveries/fn_iu_delivery_route_read.sql
\ir ../objects/deliveries/fn_iu_delivery_summary.sql
\ir ../objects/deliveries/fn_iu_delivery_heads_hold.sql
\ir ../objects/deliveries/fn_iu_delivery_places.sql
\ir ../objects/deliveries/fn_iu_delivery_heads_advance.sql
\ir ../objects/deliveries/fn_iu_delivery_queue_add.sql
\ir ../objects/deliveries/fn_iu_delivery_queue_write.sql
\ir ../objects/deliveries/fn_iu_delivery_batch_hash.sql
\ir ../objects/deliveries/fn_iu_delivery_batch_record.sql
\ir ../objects/deliveries/fn_iu_delivery_batch_run.sql
\ir ../objects/deliveries/fn_iu_delivery_enqueue.sql
\ir ../objects/deliveries/fn_iu_delivery_ledger_hash.sql
\ir ../objects/deliveries/fn_iu_delivery_ledger_append.sql
\ir ../objects/deliveries/fn_iu_delivery_entries_hash.sql
\ir ../objects/deliveries/fn_iu_delivery_decide.sql
\ir ../objects/deliveries/fn_iu_delivery_bury.sql
\ir ../objects/deliveries/fn_iu_delivery_doubts_bury.sql
\ir ../objects/deliveries/fn_iu_delivery_route_hold.sql
\ir ../objects/deliveries/fn_iu_delivery_shards_lease.sql
\ir ../objects/deliveries/fn_iu_delivery_due_from.sql
\ir ../objects/deliveries/fn_iu_delivery_is_due.sql
\ir ../objects/deliveries/fn_iu_delivery_routes_due.sql
\ir ../objects/deliveries/fn_iu_delivery_due.sql
\ir ../objects/deliveries/fn_iu_delivery_rate_cut.sql
\ir ../objects/deliveries/fn_iu_delivery_due_lock.sql
\ir ../objects/deliveries/fn_iu_delivery_event_missing.sql
\ir ../objects/deliveries/fn_iu_delivery_claims_write.sql
\ir ../objects/deliveries/fn_iu_delivery_claims_chain.sql
\ir ../objects/deliveries/fn_iu_delivery_claim.sql
\ir ../objects/deliveries/fn_iu_delivery_reports_require.sql
\ir ../objects/deliveries/fn_iu_delivery_reports_read.sql
\ir ../objects/deliveries/fn_iu_delivery_reports_target.sql
\ir ../objects/deliveries/fn_iu_delivery_reports_lock.sql
\ir ../objects/deliveries/fn_iu_delivery_reports_hold.sql
\ir ../objects/deliveries/fn_iu_delivery_outcomes_write.sql
\ir ../objects/deliveries/fn_iu_delivery_settle.sql
\ir ../objects/deliveries/fn_iu_delivery_consequences.sql
\ir ../objects/deliveries/fn_iu_delivery_record.sql
\ir ../objects/deliveries/fn_iu_delivery_lock.sql
\ir ../objects/deliveries/fn_iu_delivery_remove.sql
\ir ../objects/deliveries/fn_iu_delivery_replay.sql
\ir ../objects/deliveries/fn_iu_delivery_discard.sql

select public.fn_iu_step_record(
    'iu-delivery', '070_functions',
    '3f501ffd1253c7e4850d007037416050e9d64e6c5f0004495a43618bfe14ba9c'
);
