-- Undoes 060. Refuses if units, versions, links or captures would be lost.
do $refuse$
begin
    if exists (select from public.information_unit) or exists (select from public.iu_sql_link)
        or exists (select from public.iu_inbound_capture)
    then
        raise exception 'rollback of 060_inbound would lose units, links or captures' using
            errcode = 'IU901',
            hint = 'If they are no longer needed, delete the rows of information_unit, unit_version, '
                'iu_sql_link and iu_inbound_capture first.';
    end if;
end
$refuse$;
drop table public.iu_inbound_capture;
drop table public.iu_inbound_route;
drop table public.iu_sql_link;
drop table public.unit_version;
drop table public.information_unit;
select public.fn_iu_step_forget('iu-core', '060_inbound');
