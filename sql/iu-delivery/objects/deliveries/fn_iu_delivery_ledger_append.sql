create or replace function public.fn_iu_delivery_ledger_append(given public.iu_delivery_ledger)
returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    given.ledger_no := coalesce(given.ledger_no, nextval('public.iu_delivery_ledger_ledger_no_seq'));
    given.login := session_user;
    given.recorded_at := clock_timestamp();
    select s.last_ledger_hash into strict given.previous_hash from public.iu_delivery_target_state as s
    where s.target_no = given.target_no for update;
    given.row_hash := public.fn_iu_delivery_ledger_hash(given);
    insert into public.iu_delivery_ledger overriding system value select given.*;
    update public.iu_delivery_target_state as s set last_ledger_hash = given.row_hash
    where s.target_no = given.target_no;
    return given.ledger_no;
end
$$;
comment on function public.fn_iu_delivery_ledger_append(public.iu_delivery_ledger) is
'Completes and inserts a row of the ledger of a target, and returns its number. Locks the state of the target
until the end of the transaction.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_ledger_append(public.iu_delivery_ledger)', 'internal'
);
