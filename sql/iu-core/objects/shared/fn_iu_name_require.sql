create or replace function public.fn_iu_name_require(name text, value text, pattern text, form text)
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if (value ~ pattern) is not true then
        raise exception 'argument % is %', name, case
            when value is null then 'null'
            when value = '' then 'empty'
            when length(value) > 100 then format('%s characters long', length(value))
            else format('malformed: %s', quote_literal(value))
        end using errcode = 'IU104', hint = form;
    end if;
end
$$;
comment on function public.fn_iu_name_require(text, text, text, text) is
'Raises IU104 if a name does not match its pattern, with the name of the argument, the value, and the form as
the hint.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_name_require(text, text, text, text)', 'internal'
);
