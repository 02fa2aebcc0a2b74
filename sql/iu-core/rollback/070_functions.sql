-- Undoes 070: drops what the functions step created, and makes the installing role the owner of the tables,
-- which keep their rows. Refuses while a capture is attached: each change of its table would fail.
do $refuse$
declare
    v_attached constant text := (
        select string_agg(distinct g.tgrelid::regclass::text, ', ') from pg_catalog.pg_trigger as g
        inner join pg_catalog.pg_proc as p on p.oid = g.tgfoid
        where p.pronamespace = 'public'::regnamespace and p.proname ~ '^fn_iu_capture_[0-9]+$'
    );
begin
    if v_attached is not null then
        raise exception 'captures are attached to %', v_attached using
            errcode = 'IU901', hint = 'Remove the captures first: iu capture remove.';
    end if;
end
$refuse$;
select public.fn_iu_step_forget('iu-core', '070_functions');
alter table public.event_outbox alter column event_id drop default;
select public.fn_iu_module_drop('iu-core', '070_functions');
