create or replace function public.fn_iu_worker_name_require(worker_name text)
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if worker_name is null or length(worker_name) > 100 or worker_name !~ '^[A-Za-z0-9_.:-]+$' then
        raise exception 'argument worker_name is %', case
            when worker_name is null then 'null'
            when worker_name = '' then 'empty'
            else format('malformed: %s', quote_literal(left(worker_name, 120)))
        end using
            errcode = 'IU104',
            hint = 'Give 1 to 100 characters of A-Z a-z 0-9 _ . : -, for example iu_outbound_default.';
    elsif worker_name ~ '^(live|replay):' then
        raise exception 'argument worker_name is reserved: %', quote_literal(worker_name) using
            errcode = 'IU104',
            hint = 'Names that begin with live: or replay: belong to live delivery. Give another name.';
    end if;
end
$$;
comment on function public.fn_iu_worker_name_require(text) is
'Raises IU104 if a worker name is null, empty, malformed or reserved (live:…, replay:…).';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_worker_name_require(text)',
    'internal'
);
