create or replace function public.fn_iu_argument_require(name text, value text, longest int)
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if value is null or value = '' or length(value) > longest or value ~ '^\s|\s$|[[:cntrl:]]' then
        raise exception 'argument % is %', name, case
            when value is null then 'null'
            when value = '' then 'empty'
            when length(value) > longest then format('%s characters long', length(value))
            else format('malformed: %s', quote_literal(left(value, 80)))
        end using
            errcode = 'IU104',
            hint = format(
                'Give a text of 1 to %s characters with no space around it and no control character.', longest
            );
    end if;
end
$$;
comment on function public.fn_iu_argument_require(text, text, int) is
'Raises IU104, with the name of the argument and what is wrong with it, if a required text is null, empty, too
long, starts or ends with white space, or contains a control character.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_argument_require(text, text, int)',
    'internal'
);
