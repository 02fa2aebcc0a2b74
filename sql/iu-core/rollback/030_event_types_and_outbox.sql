-- Undoes 030. Refuses if events would be lost.
do $refuse$
begin
    if exists (select from public.event_outbox) then
        raise exception 'rollback of 030_event_types_and_outbox would lose events' using
            errcode = 'IU901',
            hint = 'The outbox is append-only and shared with other domains. To remove it, dump event_outbox '
                'and drop the database.';
    end if;
end
$refuse$;
drop table public.event_outbox_cluster;
drop table public.event_outbox;
drop table public.event_type_registry;
select public.fn_iu_step_forget('iu-core', '030_event_types_and_outbox');
