-- The access matrix: privileges of each role on objects of an access kind. PUBLIC has none.
-- The declaration of an object names its access kind; internal is for the owner only.

delete from public.iu_schema_access as a
where a.module = 'iu-core';

-- Functions; compute: their result depends on the arguments only.
select public.fn_iu_access_declare('iu-core', 'emit', 'iu_emitter', 'execute');
select public.fn_iu_access_declare('iu-core', 'emit', 'workflow_admin', 'execute');
select public.fn_iu_access_declare('iu-core', 'operate', 'workflow_admin', 'execute');
select public.fn_iu_access_declare('iu-core', 'inspect', 'workflow_admin', 'execute');
select public.fn_iu_access_declare('iu-core', 'inspect', 'iu_auditor', 'execute');
select public.fn_iu_access_declare('iu-core', 'compute', 'iu_emitter', 'execute');
select public.fn_iu_access_declare('iu-core', 'compute', 'workflow_admin', 'execute');
select public.fn_iu_access_declare('iu-core', 'compute', 'iu_auditor', 'execute');

-- Tables and views: record is append-only; state is written only by functions.
select public.fn_iu_access_declare('iu-core', 'record', 'workflow_admin', 'select');
select public.fn_iu_access_declare('iu-core', 'record', 'iu_auditor', 'select');
select public.fn_iu_access_declare('iu-core', 'state', 'workflow_admin', 'select');
select public.fn_iu_access_declare('iu-core', 'state', 'iu_auditor', 'select');

-- Subjects of events: their triggers emit.
select public.fn_iu_access_declare('iu-core', 'subject', 'iu_emitter', 'select, insert');
select public.fn_iu_access_declare('iu-core', 'subject', 'workflow_admin', 'select, insert');
select public.fn_iu_access_declare('iu-core', 'subject', 'iu_auditor', 'select');

-- Rules that administrators edit; emitters may read registries too.
select public.fn_iu_access_declare('iu-core', 'rule', 'workflow_admin', 'select, insert, update, delete');
select public.fn_iu_access_declare('iu-core', 'rule', 'iu_auditor', 'select');
select public.fn_iu_access_declare('iu-core', 'registry', 'iu_emitter', 'select');
select public.fn_iu_access_declare('iu-core', 'registry', 'workflow_admin', 'select, insert, update, delete');
select public.fn_iu_access_declare('iu-core', 'registry', 'iu_auditor', 'select');
