-- Undoes 070: drops the functions of live delivery, and makes the installing role the owner of its tables.
-- Refuses while deliveries are not settled: nothing could record their outcomes.
do $refuse$
declare
    v_open constant text := (
        select concat_ws(
            ', ', nullif(count(*) filter (where o.state = 'queued'), 0) || ' queued',
            nullif(count(*) filter (where o.state = 'in flight'), 0) || ' in flight',
            nullif(count(*) filter (where o.state = 'in doubt'), 0) || ' in doubt',
            nullif(count(*) filter (where o.state = 'dead'), 0) || ' dead'
        )
        from (
            select case
                when d.dead_at is not null then 'dead'
                when d.claim_id is null then 'queued'
                when d.due_at > clock_timestamp() then 'in flight'
                else 'in doubt'
            end as state
            from public.iu_delivery as d
        ) as o
    );
begin
    if v_open <> '' then
        raise exception 'rollback of 070_functions would lose deliveries that are not settled: %', v_open
            using errcode = 'IU901',
            hint = 'Let the senders deliver what is queued, in flight or in doubt, and settle each dead '
                'letter.';
    end if;
end
$refuse$;
select public.fn_iu_step_forget('iu-delivery', '070_functions');
select public.fn_iu_module_drop('iu-delivery', '070_functions');
