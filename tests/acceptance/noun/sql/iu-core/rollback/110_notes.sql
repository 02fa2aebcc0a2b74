-- Undoes 110. Raises IU901 if notes would be lost.
do $refuse$
begin
    if exists (select from public.iu_note) then
        raise exception 'rollback of 110_notes would lose notes' using
            errcode = 'IU901', hint = 'Save the rows of iu_note elsewhere first.';
    end if;
end
$refuse$;
drop table public.iu_note;
select public.fn_iu_step_forget('iu-core', '110_notes');
