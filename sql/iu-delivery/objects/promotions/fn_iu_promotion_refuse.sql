create or replace function public.fn_iu_promotion_refuse(
    rule text, seen text, needed text, others text default null
)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'rule % refuses the promotion: % seen, % needed%',
        rule, coalesce(seen, 'nothing'), needed, coalesce(', also missed: ' || others, '')
        using
        errcode = 'IU205',
        hint = 'Meet the rule, then propose again. The rules are in docs/operate/promotions.md.';
end
$$;
comment on function public.fn_iu_promotion_refuse(text, text, text, text) is
'Always raises IU205, with the name of the rule, the value seen and the value needed, and the other rules that
are missed.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_refuse(text, text, text, text)', 'internal'
);
