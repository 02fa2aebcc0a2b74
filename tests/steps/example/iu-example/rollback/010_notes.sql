-- Undoes 010. Refuses where notes would be lost.
do $refuse$
begin
    if exists (select from public.iu_example_note) then
        raise exception 'rollback of 010_notes would lose notes' using
            errcode = 'IU901', hint = 'Save the rows of iu_example_note first.';
    end if;
end
$refuse$;
drop table public.iu_example_note;
select public.fn_iu_step_forget('iu-example', '010_notes');
