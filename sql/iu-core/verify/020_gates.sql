-- Proof of 020: every gate has its row, every value fits, and changes are recorded.
do $proof$
declare
    v_closed constant text := 'delivery false, live routes none, jobs false';
    v_seen text;
    v_tally record;
begin
    perform public.fn_iu_proof_note('gates have their rows', '5', (
        select count(g.value)::text from public.fn_iu_gate_list() as g
    ));
    perform public.fn_iu_proof_note('values that do not fit', 'none', coalesce((
        select string_agg(c.key, ', ' order by c.key) from public.dot_config as c
        where c.value !~ c.value_pattern
    ), 'none'));
    v_seen := format(
        'delivery %s, live routes %s, jobs %s',
        (select c.value from public.dot_config as c where c.key = public.fn_iu_gate_key('delivery')),
        (
            select coalesce(nullif(c.value, ''), 'none') from public.dot_config as c
            where c.key = public.fn_iu_gate_key('live_routes')
        ),
        (select c.value from public.dot_config as c where c.key = public.fn_iu_gate_key('jobs'))
    );
    select t.modules, t.unpromoted into v_tally from public.fn_iu_sent_tally() as t;
    if v_tally.modules > 0 and v_seen <> v_closed then
        -- With a module that delivers they may be open, as long as nothing goes without a promotion.
        perform public.fn_iu_proof_note(
            'delivery gates are not all closed, delivered without a promotion', '0', v_tally.unpromoted::text
        );
    else
        perform public.fn_iu_proof_note('delivery gates are closed', v_closed, v_seen);
    end if;
    perform public.fn_iu_proof_note('last change of each setting is in the history', 'all', coalesce((
        select string_agg(c.key, ', ' order by c.key) from public.dot_config as c
        where exists (select from public.dot_config_history as h where h.key = c.key)
            and c.value is distinct from (
                select h.new_value from public.dot_config_history as h
                where h.key = c.key order by h.change_no desc limit 1
            )
    ), 'all'));
    perform public.fn_iu_proof_note('history trigger of dot_config', 'enabled', (
        select case when t.tgenabled in ('O', 'A') then 'enabled' else 'disabled' end
        from pg_catalog.pg_trigger as t
        where t.tgrelid = 'public.dot_config'::regclass and t.tgname = 'trg_iu_gate_history'
    ));
    perform public.fn_iu_proof_end('020_gates');
end
$proof$;
